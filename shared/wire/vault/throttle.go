package vault

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Throttle returns the throttle of e. [ThrottleKey] is the key of its counter names.
func Throttle(e *wire.Env, db *dynamodb.Client, held *vault.Vault) *throttle.Store {
	return &throttle.Store{DB: db, Sessions: e.Name(contract.Sessions), Key: ThrottleKey(held), Now: e.Now}
}

// ThrottleKey returns the key of the HMAC under values that are short enough to be guessed:
// the names of counters and the user codes of devices. It is the pepper, because that stays
// the same when the keys rotate.
func ThrottleKey(held *vault.Vault) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		p, err := held.Pepper(ctx, "")
		if err == nil {
			return p.Key, nil
		}
		if !errors.Is(err, keys.ErrUnknown) {
			return nil, err
		}
		// The keys of an earlier release have no pepper. The next rotation adds one.
		k, err := held.MACKey(ctx, "")
		if err != nil {
			return nil, err
		}
		return k.Key, nil
	}
}
