// Package vault builds the Secrets Manager client of a function, and the keys that are
// stored there.
package vault

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/aws"
)

// Client returns a client that counts its calls in e.Calls.
func Client(e *wire.Env) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(aws.Config(e), func(o *secretsmanager.Options) {
		o.BaseEndpoint = aws.Endpoint(e, "SECRETS_MANAGER")
	})
}

// Keys returns the keys of the stage. The first use reads them.
func Keys(e *wire.Env) *vault.Vault {
	return &vault.Vault{Client: Client(e), Secret: e.Name(contract.Keys), Now: e.Now}
}

// Prepared returns the keys of the stage, and reads them before the first request.
func Prepared(e *wire.Env) *vault.Vault {
	held := Keys(e)
	e.Prepare(func(ctx context.Context) error {
		_, err := held.Document(ctx)
		return err
	})
	return held
}

// Current returns a check that a secret has a current version. It does not read the
// secret.
func Current(client *secretsmanager.Client, id string) func(context.Context) error {
	return func(ctx context.Context) error {
		out, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
		if err != nil {
			return err
		}
		for _, stages := range out.VersionIdsToStages {
			if slices.Contains(stages, "AWSCURRENT") {
				return nil
			}
		}
		return fmt.Errorf("secret %s has no current version", id)
	}
}
