// Command ready is the Lambda behind GET /ready.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/ready"
)

func main() { apigw.Serve(contract.Ready, ready.New) }
