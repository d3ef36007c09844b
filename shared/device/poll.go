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

// Poll returns the request with a device code once it is approved; Spending then
// takes it. Until then the error is ErrPending or ErrSlowDown, and at last
// ErrDenied, ErrExpired, ErrUsed or ErrUnknown. Another client's request is
// unknown, and its own client does not notice that somebody asked.
//
// It makes one write, which holds while the request is pending and the device
// has waited. All else is told by the item that comes with the refusal. The
// first poll that came too early makes one write more, by which the device has to
// wait Interval longer from the next poll on, as it will after our answer. Those
// that follow cost no more time than that: however often a device asked too
// early, it is heard again when the time has come that it was told at first.
//
// What is approved is not made to wait.
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
		// It is being decided or spent right now: the next poll will tell.
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

// answer judges a request that the poll with that mark did not find waiting.
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
	// The SDK writes again when the answer to a write was lost.
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

// slow makes the device wait longer from its next poll on, once between two of
// them.
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

// conflict reports whether a transaction was at work on the item.
func conflict(err error) bool {
	_, ok := errors.AsType[*types.TransactionConflictException](err)
	return ok
}

// Spending takes an approved request, as a part of the transaction that gives its
// tokens away. Its condition does not hold when that has happened already.
func (s *Store) Spending(ctx context.Context, r *Request) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Sessions, Key: deviceKey(r.hash),
		UpdateExpression:         new("SET #state = :spent"),
		ConditionExpression:      new("#state = :approved AND #client = :client AND #sub = :sub AND #expires > :now"),
		ExpressionAttributeNames: dynamo.Names(attrState, attrClient, attrSubject, attrExpires),
		ExpressionAttributeValues: dynamo.Item{
			":approved": dynamo.Text(string(approved)), ":spent": dynamo.Text(string(spent)),
			":client": dynamo.Text(r.Client), ":sub": dynamo.Text(r.Subject), ":now": dynamo.Seconds(s.Now(ctx)),
		},
	}}
}
