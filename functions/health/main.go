// Command health is the Lambda behind GET /health.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/health"
)

func main() { apigw.Serve(contract.Health, health.New) }
