// Command device is the Lambda behind /device.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/device"
)

func main() { apigw.Serve(contract.Device, device.New) }
