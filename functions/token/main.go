// Command token is the Lambda behind POST /token.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/token"
)

func main() { apigw.Serve(contract.Token, token.New) }
