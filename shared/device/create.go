package device

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Codes are what a device is given.
type Codes struct {
	// Device is the secret of the device.
	Device string
	// User is what it shows.
	User UserCode
}

// deviceSecret is the number of random bytes in a device code.
const deviceSecret = 32

// maxCollisions bounds how many user codes are tried. With a million out, each
// is taken with a probability of 1 in 25,000.
const maxCollisions = 5

// Create keeps a request and returns its codes, with one transaction. A user code
// that is out is not given a second time before it expires.
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
		err = audit.Write(ctx, s.DB, s.reserving(ctx, userCodeKey(key, code), r), types.TransactWriteItem{Put: &types.Put{
			TableName: &s.Sessions, Item: encode(r), ConditionExpression: new("attribute_not_exists(pk)"),
		}})
		if err == nil {
			return &Codes{Device: opaque.Write(opaque.DeviceCode, secret), User: code}, nil
		}
		if taken, ok := errors.AsType[*audit.ConditionError](err); !ok || taken.Index != 0 {
			break
		}
	}
	return nil, fmt.Errorf("create device request: %w", err)
}

// reserving takes a user code for a request, unless it is out.
func (s *Store) reserving(ctx context.Context, it dynamo.Item, r *Request) types.TransactWriteItem {
	now := s.Now(ctx)
	it[attrDevice] = dynamo.Text(r.hash)
	it[attrExpires] = dynamo.Seconds(r.Expires)
	it[contract.TTL] = dynamo.Seconds(r.Expires.Add(kept))
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.Sessions, Item: it,
		ConditionExpression:       new("attribute_not_exists(pk) OR #expires <= :now"),
		ExpressionAttributeNames:  dynamo.Names(attrExpires),
		ExpressionAttributeValues: dynamo.Item{":now": dynamo.Seconds(now)},
	}}
}
