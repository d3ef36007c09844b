package vault

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// People returns the store of users and their credentials.
func People(e *wire.Env, db *dynamodb.Client, held *vault.Vault, trail *audit.Trail) *identity.Store {
	return &identity.Store{DB: db, Registry: e.Name(contract.Registry), Peppers: Peppers(held), Trail: trail, Now: e.Now}
}

// Peppers returns the password peppers of a vault.
func Peppers(held *vault.Vault) identity.Peppers {
	return func(ctx context.Context, id string) (identity.Pepper, error) {
		p, err := held.Pepper(ctx, id)
		if errors.Is(err, keys.ErrUnknown) && id == "" {
			// The keys of an earlier release have no pepper. The next rotation adds one.
			return identity.Pepper{}, nil
		}
		if errors.Is(err, keys.ErrUnknown) {
			return identity.Pepper{}, identity.ErrPepper
		}
		if err != nil {
			return identity.Pepper{}, err
		}
		return identity.Pepper{ID: p.ID, Key: p.Key}, nil
	}
}
