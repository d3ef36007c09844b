// Command sendmail is the Lambda that sends the mail that users request.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/task/sendmail"
)

func main() { apigw.Run(contract.SendMail, sendmail.New) }
