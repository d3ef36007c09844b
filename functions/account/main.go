// Command account is the Lambda behind GET and POST /account.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/account"
)

func main() { apigw.Serve(contract.Account, account.New) }
