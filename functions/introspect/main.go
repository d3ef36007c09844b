// Command introspect is the Lambda behind POST /introspect.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/introspect"
)

func main() { apigw.Serve(contract.Introspect, introspect.New) }
