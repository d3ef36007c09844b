// Command login is the Lambda behind GET and POST /login.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/login"
)

func main() { apigw.Serve(contract.Login, login.New) }
