// Command par is the Lambda behind POST /par.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/par"
)

func main() { apigw.Serve(contract.PAR, par.New) }
