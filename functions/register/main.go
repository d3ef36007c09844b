// Command register is the Lambda behind POST /register.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/register"
)

func main() { apigw.Serve(contract.Register, register.New) }
