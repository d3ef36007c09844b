package device

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Find returns the request that shows a user code, whatever has become of it,
// with two reads. The error is ErrUnknown, or what went wrong.
func (s *Store) Find(ctx context.Context, code UserCode) (*Request, error) {
	secret, err := s.Key(ctx)
	if err != nil {
		return nil, fmt.Errorf("find device request: %w", err)
	}
	led, err := s.get(ctx, userCodeKey(secret, code))
	if err != nil {
		return nil, err
	}
	to := dynamo.Reader{Item: led}
	hash := to.Text(attrDevice)
	if to.Err() != nil {
		return nil, fmt.Errorf("find device request: %w", to.Err())
	}
	it, err := s.get(ctx, deviceKey(hash))
	if err != nil {
		return nil, err
	}
	return decode(it)
}

// Open returns nil if the request can still be decided, ErrUsed or ErrExpired if
// not.
func (s *Store) Open(ctx context.Context, r *Request) error {
	switch {
	case r.state != pending:
		return fmt.Errorf("device request %s: %w", r.ID, ErrUsed)
	case r.expired(s.Now(ctx)):
		return fmt.Errorf("device request %s: %w", r.ID, ErrExpired)
	}
	return nil
}

func (s *Store) get(ctx context.Context, key dynamo.Item) (dynamo.Item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Sessions, Key: key, ConsistentRead: new(true)})
	if err != nil {
		return nil, fmt.Errorf("find device request: %w", err)
	}
	if len(out.Item) == 0 {
		return nil, fmt.Errorf("find device request: %w", ErrUnknown)
	}
	return out.Item, nil
}

// Approve lets the device in, as far as r says, with its audit entry in the same
// transaction. The error is ErrUsed when r was decided otherwise or by somebody
// else, ErrExpired, or what went wrong. A second approval by the same person
// changes nothing.
func (s *Store) Approve(ctx context.Context, r *Request, d Decision, requestID string) error {
	return s.decide(ctx, r, approved, d, audit.Entry{Action: ActionApprove, RequestID: requestID})
}

// Deny turns the device away. Errors are as of Approve.
func (s *Store) Deny(ctx context.Context, r *Request, d Decision, requestID string) error {
	return s.decide(ctx, r, denied, d, audit.Entry{Action: ActionDeny, RequestID: requestID})
}

func (s *Store) decide(ctx context.Context, r *Request, to state, d Decision, e audit.Entry) error {
	e.Actor, e.Subject, e.Object, e.Outcome = d.Subject, d.Subject, "device#"+r.ID, audit.Success
	e.Detail = map[string]string{"client": r.Client}
	for name, value := range map[string]string{"scope": r.Scope, "ip": r.IP, "agent": r.Agent} {
		if value != "" {
			e.Detail[name] = value
		}
	}
	err := audit.Write(ctx, s.DB, s.deciding(ctx, r, to, d), s.Trail.Put(ctx, e))
	failed, ok := errors.AsType[*audit.ConditionError](err)
	switch {
	case err == nil:
		return nil
	case !ok || failed.Index != 0:
		return fmt.Errorf("decide device request %s: %w", r.ID, err)
	case len(failed.Item) == 0:
		return fmt.Errorf("decide device request %s: %w", r.ID, ErrExpired)
	}
	now, err := decode(failed.Item)
	switch {
	case err != nil:
		return err
	case now.state == pending:
		return fmt.Errorf("decide device request %s: %w", r.ID, ErrExpired)
	case now.Subject == d.Subject && (now.state == to || now.state == spent && to == approved):
		return nil
	}
	return fmt.Errorf("decide device request %s: %w", r.ID, ErrUsed)
}

func (s *Store) deciding(ctx context.Context, r *Request, to state, d Decision) types.TransactWriteItem {
	set := "SET #state = :to, #sub = :sub, #auth_gen = :auth_gen, #auth_time = :auth_time, #amr = :amr, " +
		"#login = :login, #login_ends = :login_ends"
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Sessions, Key: deviceKey(r.hash),
		UpdateExpression:    &set,
		ConditionExpression: new("#state = :pending AND #expires > :now"),
		ExpressionAttributeNames: dynamo.Names(
			attrState, attrExpires, attrSubject, attrAuthGen, attrAuthTime, attrAMR, attrLogin, attrLoginEnds),
		ExpressionAttributeValues: dynamo.Item{
			":to": dynamo.Text(string(to)), ":pending": dynamo.Text(string(pending)), ":now": dynamo.Seconds(s.Now(ctx)),
			":sub": dynamo.Text(d.Subject), ":auth_gen": dynamo.Number(d.AuthGen), ":auth_time": dynamo.Seconds(d.AuthTime),
			":amr": dynamo.Texts(d.AMR), ":login": dynamo.Text(d.Login), ":login_ends": dynamo.Seconds(d.LoginEnds),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}
