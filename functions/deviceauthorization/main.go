// Command deviceauthorization is the Lambda behind POST /device_authorization.
package main

import (
	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/deviceauthorization"
)

func main() { apigw.Serve(contract.DeviceAuthorization, deviceauthorization.New) }
