// Command revoke is the Lambda behind POST /revoke.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/revoke"
)

func main() { apigw.Serve(contract.Revoke, revoke.New) }
