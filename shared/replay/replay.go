// Package replay makes sure that a single-use value is accepted once.
//
// A client authenticates with a JWT that it has just signed: an assertion at the token
// endpoint (RFC 7523), or a DPoP proof at any endpoint (RFC 9449). An attacker who
// intercepts such a JWT could send it again. So each has an id, and the [Store] keeps
// every id for as long as the JWT could be accepted. Exactly one of all requests with
// the same id is the first, across all processes and concurrent requests.
//
// An id is stored under its [Kind] and as a hash. So an assertion never uses up a
// proof, and the table does not reveal the ids that clients choose.
package replay

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Kind separates ids: the same id of two kinds is two ids.
type Kind string

// The kinds that exist.
const (
	// Proof is a DPoP proof, by the thumbprint of its key and its jti.
	Proof Kind = "proof"
	// Assertion is a client's assertion, by the client and its jti.
	Assertion Kind = "assertion"
	// Challenge is a WebAuthn challenge that a passkey has signed.
	Challenge Kind = "challenge"
)

// ErrSeen is returned when the id was presented before.
var ErrSeen = errors.New("it was presented before")

// Store keeps ids in the sessions table, one item each.
type Store struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	Now      func(context.Context) time.Time
}

// The layout of an item. It has no other attributes.
const (
	sk = "once"
	// attrMark is a random value of the call that wrote the item.
	attrMark = "mark"
)

// Write returns the write of [Store.Once] for a transaction of the caller. It fails
// with [ErrSeen] when the id was presented before. One of two transactions with the
// same id is written. DynamoDB recognises a repetition of the first by its token.
func (s *Store) Write(ctx context.Context, kind Kind, id string, until time.Time) dynamo.Write {
	change, forgotten := s.remember(ctx, newMark(), until)
	return dynamo.Update(s.Sessions, key(kind, id), change, forgotten).Else(ErrSeen)
}

// Once returns nil for the first call with that id, and [ErrSeen] for every other
// until the given time. After that time the id is forgotten, so the caller must no
// longer accept anything with it.
//
// It makes one conditional write. When the response is lost, the SDK writes again and
// finds the item of its own first attempt. The mark in the item identifies the call.
// After any other error the id may have been stored.
func (s *Store) Once(ctx context.Context, kind Kind, id string, until time.Time) error {
	mark := newMark()
	change, forgotten := s.remember(ctx, mark, until)
	_, err := s.DB.UpdateItem(ctx, dynamo.UpdateInput(s.Sessions, key(kind, id), change, forgotten))
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		first, _ := failed.Item[attrMark].(*types.AttributeValueMemberB)
		if first != nil && bytes.Equal(first.Value, mark) {
			return nil
		}
		return fmt.Errorf("%s: %w", kind, ErrSeen)
	}
	if err != nil {
		return fmt.Errorf("remember a %s: %w", kind, err)
	}
	return nil
}

func newMark() []byte {
	mark := make([]byte, 16)
	_, _ = rand.Read(mark) // never an error: it ends the process instead
	return mark
}

func key(kind Kind, id string) dynamo.Item {
	sum := sha256.Sum256([]byte(id))
	return dynamo.Key(contract.OncePrefix.Of(string(kind)+"#"+hex.EncodeToString(sum[:])), sk)
}

// remember returns the change that stores an id with a mark, and the condition that it
// is not stored. DynamoDB deletes late by the TTL, so an expired item is ignored.
func (s *Store) remember(ctx context.Context, mark []byte, until time.Time) (dynamo.Changes, dynamo.Condition) {
	return dynamo.Changes{Set: dynamo.Item{
			attrMark:     dynamo.Bytes(mark),
			contract.TTL: dynamo.Seconds(until.Add(time.Second - 1)), // rounded up
		}},
		dynamo.Any(dynamo.Absent(contract.TTL), dynamo.Less(contract.TTL, dynamo.Seconds(s.Now(ctx))))
}
