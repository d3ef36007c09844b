package opaque

import (
	"context"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/keys"
)

// Keys returns the MAC key with an id, the one for new values for an empty id,
// or [keys.ErrUnknown]; as vault.Vault.MACKey does.
type Keys func(ctx context.Context, id string) (*keys.MACKey, error)

// Every value that [MAC] or [Box] makes begins with the version of the layout
// and the id of its key.
const (
	version    = 1
	headLength = 1 + keys.MACIDLength
)

func appendHead(b []byte, k *keys.MACKey) []byte {
	return append(append(b, version), k.ID...)
}

// get returns the key with an id, the one for new values for an empty id.
func (k Keys) get(ctx context.Context, id string) (*keys.MACKey, error) {
	found, err := k(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find a MAC key: %w", err)
	}
	if len(found.ID) != keys.MACIDLength || id != "" && found.ID != id {
		return nil, fmt.Errorf("find the MAC key %q: the keys have %q instead", id, found.ID)
	}
	return found, nil
}

// of returns the key that a value names, or ErrForged when there is none.
func (k Keys) of(ctx context.Context, id string) (*keys.MACKey, error) {
	found, err := k.get(ctx, id)
	if errors.Is(err, keys.ErrUnknown) {
		return nil, ErrForged
	}
	return found, err
}
