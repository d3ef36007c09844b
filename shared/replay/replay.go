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

// ErrSeen says that the id was presented before.
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

// Write is the write of Once for a transaction of the caller: it does not happen
// when the id was presented before. Of two transactions with the same id one is
// written, and DynamoDB tells a repetition of the first by its token.
func (s *Store) Write(ctx context.Context, kind Kind, id string, until time.Time) types.TransactWriteItem {
	u := s.remember(ctx, kind, id, until)
	return types.TransactWriteItem{Update: &types.Update{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
	}}
}

// Once returns nil for the first caller with that id, and ErrSeen for every
// other until the time given. After that time the id is forgotten: nothing with
// it may be acceptable any more.
//
// It makes one conditional write. When the reply is lost, the SDK writes again
// and meets the item of its own first attempt; the mark in it tells that it is
// this caller's. After any other error the id may have been remembered.
func (s *Store) Once(ctx context.Context, kind Kind, id string, until time.Time) error {
	in := s.remember(ctx, kind, id, until)
	_, err := s.DB.UpdateItem(ctx, in)
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		first, _ := failed.Item[attrMark].(*types.AttributeValueMemberB)
		mark := in.ExpressionAttributeValues[":mark"].(*types.AttributeValueMemberB)
		if first != nil && bytes.Equal(first.Value, mark.Value) {
			return nil
		}
		return fmt.Errorf("%s: %w", kind, ErrSeen)
	}
	if err != nil {
		return fmt.Errorf("remember a %s: %w", kind, err)
	}
	return nil
}

// remember is the conditional write of an id, with a mark of its own.
func (s *Store) remember(ctx context.Context, kind Kind, id string, until time.Time) *dynamodb.UpdateItemInput {
	sum := sha256.Sum256([]byte(id))
	mark := make([]byte, 16)
	_, _ = rand.Read(mark) // never an error: it ends the process instead
	return &dynamodb.UpdateItemInput{
		TableName:        &s.Sessions,
		Key:              dynamo.Key("once#"+string(kind)+"#"+hex.EncodeToString(sum[:]), sk),
		UpdateExpression: new("SET #mark = :mark, #ttl = :until"),
		// The TTL deletes late: an item whose time has passed counts for
		// nothing.
		ConditionExpression:      new("attribute_not_exists(#ttl) OR #ttl < :now"),
		ExpressionAttributeNames: map[string]string{"#mark": attrMark, "#ttl": contract.TTL},
		ExpressionAttributeValues: dynamo.Item{
			":mark":  dynamo.Bytes(mark),
			":until": dynamo.Seconds(until.Add(time.Second - 1)), // rounded up
			":now":   dynamo.Seconds(s.Now(ctx)),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}
