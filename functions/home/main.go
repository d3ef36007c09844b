// Command home is the Lambda behind GET /.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/home"
)

func main() { apigw.Serve(contract.Home, home.New) }
