// Command sendmail is the Lambda that sends the mail that people asked for.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/task/sendmail"
)

func main() { apigw.Run(contract.SendMail, sendmail.New) }
