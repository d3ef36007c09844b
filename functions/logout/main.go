// Command logout is the Lambda behind GET and POST /logout.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/logout"
)

func main() { apigw.Serve(contract.Logout, logout.New) }
