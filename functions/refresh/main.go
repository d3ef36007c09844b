// Command refresh is the Lambda behind POST /refresh.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/refresh"
)

func main() { apigw.Serve(contract.Refresh, refresh.New) }
