// Package vault gives a function its Secrets Manager client.
package vault

import (
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// Client returns a client whose calls are counted in e.Calls.
func Client(e *wire.Env) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(aws.Config(e), func(o *secretsmanager.Options) {
		o.BaseEndpoint = aws.Endpoint(e, "SECRETS_MANAGER")
	})
}
