package device

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Poll returns the request with a device code when it is approved. [Store.Spending]
// then takes it. Before that the error is [ErrPending] or [ErrSlowDown], and in the
// end [ErrDenied], [ErrExpired], [ErrUsed] or [ErrUnknown]. A request of another
// client is unknown, and its own client does not notice the attempt.
//
// # Writes
//
// Poll makes one write, which holds while the request is pending and the device has
// waited. Otherwise the item in the failed condition decides. The first poll that
// comes too early makes one more write. It lengthens the wait by [Interval] from the
// next poll on, as our answer asks. Further early polls do not lengthen it again and
// do not move the next allowed time. So every device is answered at the time that it
// was first given, however often it polls before.
//
// An approved request is returned without a wait.
func (s *Store) Poll(ctx context.Context, deviceCode, client string) (*Request, error) {
	secret, err := opaque.Read(opaque.DeviceCode, deviceCode)
	if err != nil {
		return nil, fmt.Errorf("poll: %w: %w", err, ErrUnknown)
	}
	hash := hashOf(secret)
	mark := make([]byte, 8)
	rand.Read(mark) // never fails (crypto/rand)
	now := s.Now(ctx)
	_, err = s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Sessions, Key: deviceKey(hash),
		UpdateExpression:         new("SET #next_at = :from + #gap, #mark = :mark REMOVE #slowed"),
		ConditionExpression:      new("#state = :pending AND #client = :client AND #expires > :seconds AND #next_at <= :now"),
		ExpressionAttributeNames: dynamo.Names(attrState, attrClient, attrExpires, attrNext, attrGap, attrMark, attrSlowed),
		ExpressionAttributeValues: dynamo.Item{
			":pending": dynamo.Text(string(pending)), ":client": dynamo.Text(client), ":seconds": dynamo.Seconds(now),
			":now": dynamo.Millis(now), ":from": dynamo.Millis(now.Add(-leeway)),
			":mark": dynamo.Bytes(mark),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	switch {
	case err == nil:
		return nil, ErrPending
	case conflict(err):
		// Another request is writing to the item. The next poll has the result.
		return nil, ErrPending
	case !ok:
		return nil, fmt.Errorf("poll: %w", err)
	case len(failed.Item) == 0:
		return nil, fmt.Errorf("poll: %w", ErrUnknown)
	}
	r, err := decode(failed.Item)
	if err != nil {
		return nil, err
	}
	if r.Client != client {
		return nil, fmt.Errorf("poll device request %s: it is another client's: %w", r.ID, ErrUnknown)
	}
	return s.answer(ctx, r, failed.Item, mark)
}

// answer returns the result for a request that was not pending at the poll with mark.
func (s *Store) answer(ctx context.Context, r *Request, it dynamo.Item, mark []byte) (*Request, error) {
	switch {
	case r.state == spent:
		return nil, fmt.Errorf("poll device request %s: %w", r.ID, ErrUsed)
	case r.state == denied:
		return nil, fmt.Errorf("poll device request %s: %w", r.ID, ErrDenied)
	case r.expired(s.Now(ctx)):
		return nil, fmt.Errorf("poll device request %s: %w", r.ID, ErrExpired)
	case r.state == approved:
		return r, nil
	}
	// The SDK repeats a write when its reply was lost.
	if last, ok := it[attrMark].(*types.AttributeValueMemberB); ok && bytes.Equal(last.Value, mark) {
		return nil, ErrPending
	}
	if it[attrSlowed] == nil {
		if err := s.slow(ctx, r.hash, it[attrNext]); err != nil {
			return nil, err
		}
	}
	return nil, ErrSlowDown
}

// slow lengthens the wait of the device from its next poll on, once between two
// polls.
func (s *Store) slow(ctx context.Context, hash string, next types.AttributeValue) error {
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Sessions, Key: deviceKey(hash),
		UpdateExpression:         new("SET #gap = #gap + :more, #slowed = :yes"),
		ConditionExpression:      new("#next_at = :next AND attribute_not_exists(#slowed)"),
		ExpressionAttributeNames: dynamo.Names(attrNext, attrGap, attrSlowed),
		ExpressionAttributeValues: dynamo.Item{
			":next": next, ":more": dynamo.Number(Interval.Milliseconds()), ":yes": dynamo.Flag(true),
		},
	})
	if _, faster := errors.AsType[*types.ConditionalCheckFailedException](err); faster || err == nil || conflict(err) {
		return nil // another poll did it, or has moved on
	}
	return fmt.Errorf("slow device down: %w", err)
}

// conflict reports whether a transaction was writing to the item.
func conflict(err error) bool {
	_, ok := errors.AsType[*types.TransactionConflictException](err)
	return ok
}

// Spending takes an approved request, as a part of the transaction that issues its
// tokens. It fails with [ErrUsed] when they were issued already, or when the request
// has expired since [Store.Poll] found it.
func (s *Store) Spending(ctx context.Context, r *Request) dynamo.Write {
	return dynamo.Update(s.Sessions, deviceKey(r.hash),
		dynamo.Changes{Set: dynamo.Item{attrState: dynamo.Text(string(spent))}},
		dynamo.Equal(attrState, dynamo.Text(string(approved))), dynamo.Equal(attrClient, dynamo.Text(r.Client)),
		dynamo.Equal(attrSubject, dynamo.Text(r.Subject)), dynamo.Greater(attrExpires, dynamo.Seconds(s.Now(ctx))),
	).Else(ErrUsed)
}
