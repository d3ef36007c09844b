// Package replay sees to it that what may be used once is used once.
//
// A client proves itself with a JWT that it signed a moment ago: an assertion
// at the token endpoint (RFC 7523), a DPoP proof at any (RFC 9449). Whoever
// overhears such a JWT could send it again, so each has an id, and we remember
// the ids that we have seen for as long as the JWT could be accepted. Of all
// who present the same one, at whichever of our processes and at the same time,
// exactly one is first.
//
// An id is remembered under the kind of thing that it belongs to and as a hash:
// an assertion never uses up a proof, and the table does not tell what a client
// chose as an id.
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

// Kind is what ids are compared within.
type Kind string

// The kinds that exist.
const (
	// Proof is a DPoP proof, by the thumbprint of its key and its jti.
	Proof Kind = "proof"
	// Assertion is a client's assertion, by the client and its jti.
	Assertion Kind = "assertion"
	// Challenge is one that a passkey has signed.
	Challenge Kind = "challenge"
)

// ErrSeen is returned when the id was presented before.
var ErrSeen = errors.New("it was presented before")

// Store remembers ids in the sessions table, one item each.
type Store struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	Now      func(context.Context) time.Time
}

// The layout of an item, which has no attribute but these.
const (
	sk = "once"
	// attrMark is a random value of the call that wrote the item.
	attrMark = "mark"
)

// Write is the write of [Store.Once] for a transaction of the caller. It fails with
// [ErrSeen] when the id was presented before. Of two transactions with the same id
// one is written, and DynamoDB tells a repetition of the first by its token.
func (s *Store) Write(ctx context.Context, kind Kind, id string, until time.Time) dynamo.Write {
	change, forgotten := s.remember(ctx, newMark(), until)
	return dynamo.Update(s.Sessions, key(kind, id), change, forgotten).Else(ErrSeen)
}

// Once returns nil for the first caller with that id, and [ErrSeen] for every
// other until the time given. After that time the id is forgotten: nothing with
// it may be acceptable any more.
//
// It makes one conditional write. When the reply is lost, the SDK writes again
// and meets the item of its own first attempt; the mark in it tells that it is
// this caller's. After any other error the id may have been remembered.
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

// remember is the change that remembers an id with a mark, and the condition that
// it is not remembered. The TTL deletes late: an item whose time has passed counts
// for nothing.
func (s *Store) remember(ctx context.Context, mark []byte, until time.Time) (dynamo.Changes, dynamo.Condition) {
	return dynamo.Changes{Set: dynamo.Item{
			attrMark:     dynamo.Bytes(mark),
			contract.TTL: dynamo.Seconds(until.Add(time.Second - 1)), // rounded up
		}},
		dynamo.Any(dynamo.Absent(contract.TTL), dynamo.Less(contract.TTL, dynamo.Seconds(s.Now(ctx))))
}
