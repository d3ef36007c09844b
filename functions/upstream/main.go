// Command upstream is the Lambda behind GET /upstream/{id} and its callback.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/upstream"
)

func main() { apigw.Serve(contract.Upstream, upstream.New) }
