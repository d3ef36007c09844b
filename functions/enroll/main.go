// Command enroll is the Lambda behind GET and POST /invite and /recover.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/enroll"
)

func main() { apigw.Serve(contract.Enroll, enroll.New) }
