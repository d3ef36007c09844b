package device

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Codes are the codes of a new device request.
type Codes struct {
	// Device is the device code, a secret.
	Device string
	// User is the user code, which the device shows.
	User UserCode
}

// deviceSecret is the number of random bytes in a device code.
const deviceSecret = 32

// maxCollisions bounds how many user codes are tried. With a million in use, each
// is taken with a probability of 1 in 25,000.
const maxCollisions = 5

// errTaken is returned when a user code is in use.
var errTaken = errors.New("user code is out already")

// Create stores a request and returns its codes, with one transaction. A user code
// in use is not issued again before it expires.
func (s *Store) Create(ctx context.Context, n NewRequest) (*Codes, error) {
	key, err := s.Key(ctx)
	if err != nil {
		return nil, fmt.Errorf("create device request: %w", err)
	}
	now := s.Now(ctx).UTC().Truncate(time.Second)
	secret := make([]byte, deviceSecret)
	rand.Read(secret) // never fails (crypto/rand)
	r := &Request{
		ID: ulid.MustNew(ulid.Timestamp(now), rand.Reader).String(), NewRequest: n,
		Created: now, Expires: now.Add(Life), hash: hashOf(secret), state: pending,
	}
	for range maxCollisions {
		code := newUserCode()
		err = dynamo.Tx{s.reserving(ctx, userCodeKey(key, code), r), dynamo.Create(s.Sessions, encode(r))}.Run(ctx, s.DB)
		if err == nil {
			return &Codes{Device: opaque.Write(opaque.DeviceCode, secret), User: code}, nil
		}
		if !errors.Is(err, errTaken) {
			break
		}
	}
	return nil, fmt.Errorf("create device request: %w", err)
}

// reserving takes a user code for a request. It fails with errTaken when it is in use.
func (s *Store) reserving(ctx context.Context, it dynamo.Item, r *Request) dynamo.Write {
	it[attrDevice] = dynamo.Text(r.hash)
	it[attrExpires] = dynamo.Seconds(r.Expires)
	it[contract.TTL] = dynamo.Seconds(r.Expires.Add(kept))
	return dynamo.Put(s.Sessions, it,
		dynamo.Any(dynamo.NotExists(), dynamo.AtMost(attrExpires, dynamo.Seconds(s.Now(ctx))))).Else(errTaken)
}
