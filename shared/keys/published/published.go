// Package published reads and writes the public halves of the signing keys in
// the registry table, one item per key under one partition, so that the whole
// key set is one consistent query.
package published

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/keys"
)

const (
	fresh = time.Minute
	pause = 5 * time.Second // between reads for a kid that is not there
	// stale is how long keys are used that cannot be read again: long enough for
	// an outage, shorter than the time a key is published before it signs.
	stale = keys.CacheLife / 4
)

// Store reads the public keys of a stage. It caches them for a minute, and longer
// while the table cannot be read. It is safe for concurrent use.
type Store struct {
	DB    *dynamodb.Client
	Table string
	Now   func(context.Context) time.Time

	mu        sync.Mutex
	read      time.Time // when all was read
	tried     time.Time // when it was last asked for
	err       error     // the result of that
	all       []keys.Public
	verifying map[string]keys.Verifying
}

// Keys returns the currently published keys.
func (s *Store) Keys(ctx context.Context) ([]keys.Public, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hold(ctx); err != nil {
		return nil, err
	}
	return keys.Published(s.all, s.Now(ctx)), nil
}

// Load reads the keys unless the cache is fresh.
func (s *Store) Load(ctx context.Context) error {
	_, err := s.Keys(ctx)
	return err
}

// Verifying returns the published key with the kid, or keys.ErrUnknown. A missing
// kid causes another read, since the key may be new. That happens at most once in a
// few seconds, because unauthenticated callers choose the kid.
func (s *Store) Verifying(ctx context.Context, kid string) (keys.Verifying, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hold(ctx); err != nil {
		return keys.Verifying{}, err
	}
	if _, ok := s.verifying[kid]; !ok {
		// While the table cannot be read, it is unknown whether the key exists.
		if err := s.refresh(ctx, pause); err != nil {
			return keys.Verifying{}, err
		}
	}
	for _, p := range keys.Published(s.all, s.Now(ctx)) {
		if p.ID == kid {
			return s.verifying[kid], nil
		}
	}
	return keys.Verifying{}, keys.ErrUnknown
}

// Check reads the keys from the table, past the cache, and returns an error unless
// there is at least one.
func (s *Store) Check(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refresh(ctx, 0); err != nil {
		return err
	}
	if len(keys.Published(s.all, s.Now(ctx))) == 0 {
		return errors.New("no key is published")
	}
	return nil
}

// hold ensures that usable keys are held: fresh ones, or older ones while the table
// cannot be read and they are not stale.
func (s *Store) hold(ctx context.Context) error {
	err := s.refresh(ctx, fresh)
	if held := s.Now(ctx).Sub(s.read); err != nil && !s.read.IsZero() && held >= 0 && held < stale {
		return nil
	}
	return err
}

// refresh reads the keys. If it tried less than age ago, it returns the result of
// that try.
func (s *Store) refresh(ctx context.Context, age time.Duration) error {
	now := s.Now(ctx)
	if s.err != nil {
		age = min(age, pause)
	}
	if since := now.Sub(s.tried); !s.tried.IsZero() && since >= 0 && since < age {
		return s.err
	}
	s.tried, s.err = now, s.load(ctx, now)
	return s.err
}

func (s *Store) load(ctx context.Context, now time.Time) error {
	all, err := s.query(ctx)
	if err != nil {
		return fmt.Errorf("read the public keys: %w", err)
	}
	verifying := make(map[string]keys.Verifying, len(all))
	for _, p := range all {
		if verifying[p.ID], err = p.Verifying(); err != nil {
			return err
		}
	}
	s.all, s.verifying, s.read = all, verifying, now
	return nil
}

func (s *Store) query(ctx context.Context) ([]keys.Public, error) {
	var all []keys.Public
	var from map[string]types.AttributeValue
	for {
		out, err := s.DB.Query(ctx, &dynamodb.QueryInput{
			TableName:                 &s.Table,
			KeyConditionExpression:    aws.String("pk = :pk"),
			ExpressionAttributeValues: dynamo.Item{":pk": dynamo.Text(contract.KeyPartition)},
			ConsistentRead:            aws.Bool(true),
			ExclusiveStartKey:         from,
		})
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			p, err := decode(it)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
		}
		if from = out.LastEvaluatedKey; len(from) == 0 {
			return all, nil
		}
	}
}

// The attributes of an item besides its keys.
const (
	attrAlgorithm = "alg"
	attrState     = "state"
	attrCreated   = "created" // epoch seconds
	attrUntil     = "until"   // epoch seconds; absent: published until further notice
	attrJWK       = "jwk"
)

// Put returns the write of one public key, for the transaction of a rotation. It
// replaces an existing item, because the document of private keys is authoritative.
func Put(table string, p keys.Public) dynamo.Write {
	it := dynamo.Key(contract.KeyPartition, p.ID)
	it[attrAlgorithm] = dynamo.Text(p.Algorithm)
	it[attrState] = dynamo.Text(string(p.State))
	it[attrCreated] = dynamo.Seconds(p.Created)
	it[attrJWK] = dynamo.Text(string(p.JWK))
	if !p.Until.IsZero() {
		it[attrUntil] = dynamo.Seconds(p.Until)
	}
	return dynamo.Put(table, it)
}

func decode(it dynamo.Item) (keys.Public, error) {
	p := keys.Public{
		ID:        it.Text(contract.SK),
		Algorithm: it.Text(attrAlgorithm),
		State:     keys.State(it.Text(attrState)),
		Created:   timeOf(it[attrCreated]),
		Until:     timeOf(it[attrUntil]),
		JWK:       json.RawMessage(it.Text(attrJWK)),
	}
	if p.ID == "" || p.Algorithm == "" || len(p.JWK) == 0 {
		return keys.Public{}, fmt.Errorf("the item of public key %q is incomplete", p.ID)
	}
	return p, nil
}

// timeOf reads a time, or the zero time if there is none.
func timeOf(v types.AttributeValue) time.Time {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return time.Time{}
	}
	sec, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(sec, 0).UTC()
}
