// Command discovery is the Lambda behind both well-known metadata documents.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/discovery"
)

func main() { apigw.Serve(contract.Discovery, discovery.New) }
