// Command jwks is the Lambda behind GET /jwks.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/jwks"
)

func main() { apigw.Serve(contract.JWKS, jwks.New) }
