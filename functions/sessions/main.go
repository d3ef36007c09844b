// Command sessions is the Lambda behind /sessions and the paths below it.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/sessions"
)

func main() { apigw.Serve(contract.MySessions, sessions.New) }
