// Command userinfo is the Lambda behind /userinfo.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/userinfo"
)

func main() { apigw.Serve(contract.UserInfo, userinfo.New) }
