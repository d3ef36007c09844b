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

// Throttle returns the throttle of e, whose counters are named by ThrottleKey.
func Throttle(e *wire.Env, db *dynamodb.Client, held *vault.Vault) *throttle.Store {
	return &throttle.Store{DB: db, Sessions: e.Name(contract.Sessions), Key: ThrottleKey(held), Now: e.Now}
}

// ThrottleKey is the key under what is short enough to be guessed: it names counters and
// the codes of devices. It is the pepper, since that stays when the keys rotate.
func ThrottleKey(held *vault.Vault) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		p, err := held.Pepper(ctx, "")
		if err == nil {
			return p.Key, nil
		}
		if !errors.Is(err, keys.ErrUnknown) {
			return nil, err
		}
		// The keys of an earlier release: the next rotation adds a pepper.
		k, err := held.MACKey(ctx, "")
		if err != nil {
			return nil, err
		}
		return k.Key, nil
	}
}
