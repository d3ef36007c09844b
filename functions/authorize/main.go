// Command authorize is the Lambda behind /authorize.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/authorize"
)

func main() { apigw.Serve(contract.Authorize, authorize.New) }
