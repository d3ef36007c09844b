// Command notify is the Lambda that notifies clients of ended sessions.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/task/notify"
)

func main() { apigw.Run(contract.Notify, notify.New) }
