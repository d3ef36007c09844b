// Command rotate is the Lambda that rotates the keys.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/task/rotate"
)

func main() { apigw.Run(contract.Rotate, rotate.New) }
