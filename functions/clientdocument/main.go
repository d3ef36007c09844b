// Command clientdocument is the Lambda behind GET /client.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/clientdocument"
)

func main() { apigw.Serve(contract.ClientDocument, clientdocument.New) }
