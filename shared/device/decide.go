package device

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Find returns the request with a user code in any state, with two reads. The error
// is [ErrUnknown] or that of a read.
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

// Open returns nil if the request can still be decided. Otherwise it returns
// [ErrUsed] or [ErrExpired].
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

// Approve approves the device with the grant in r. Its audit entry is in the same
// transaction. The error is [ErrUsed] when r was denied or another user decided it,
// [ErrExpired], or that of the write. A second approval by the same user changes
// nothing.
func (s *Store) Approve(ctx context.Context, r *Request, d Decision, requestID string) error {
	return s.decide(ctx, r, approved, d, audit.Entry{Action: ActionApprove, RequestID: requestID})
}

// Deny denies the device. Errors are as in [Store.Approve].
func (s *Store) Deny(ctx context.Context, r *Request, d Decision, requestID string) error {
	return s.decide(ctx, r, denied, d, audit.Entry{Action: ActionDeny, RequestID: requestID})
}

func (s *Store) decide(ctx context.Context, r *Request, to state, d Decision, e audit.Entry) error {
	e.Actor, e.Subject, e.Object, e.Outcome = d.Subject, d.Subject, contract.DevicePrefix.Of(r.ID), audit.Success
	e.Detail = map[string]string{"client": r.Client}
	for name, value := range map[string]string{"scope": r.Scope, "ip": r.IP, "agent": r.Agent} {
		if value != "" {
			e.Detail[name] = value
		}
	}
	err := dynamo.Tx{s.deciding(ctx, r, to, d), s.Trail.Put(ctx, e)}.Run(ctx, s.DB)
	if err != nil && !errors.Is(err, errDone) {
		return fmt.Errorf("decide device request %s: %w", r.ID, err)
	}
	return nil
}

// errDone is returned when the same user has made the same decision before.
var errDone = errors.New("device was decided in the same way before")

// deciding is the write of a decision. It fails with ErrExpired, ErrUsed or errDone.
func (s *Store) deciding(ctx context.Context, r *Request, to state, d Decision) dynamo.Write {
	return dynamo.Update(s.Sessions, deviceKey(r.hash), dynamo.Changes{Set: dynamo.Item{
		attrState: dynamo.Text(string(to)), attrSubject: dynamo.Text(d.Subject),
		attrAuthGen: dynamo.Number(d.AuthGen), attrAuthTime: dynamo.Seconds(d.AuthTime), attrAMR: dynamo.Texts(d.AMR),
		attrLogin: dynamo.Text(d.Login), attrLoginEnds: dynamo.Seconds(d.LoginEnds),
	}}, dynamo.Equal(attrState, dynamo.Text(string(pending))), dynamo.Greater(attrExpires, dynamo.Seconds(s.Now(ctx)))).
		ElseBy(func(stored dynamo.Item) error { return undecided(stored, to, d.Subject) })
}

// undecided returns why the user could not decide a request with this stored item.
func undecided(stored dynamo.Item, to state, subject string) error {
	if len(stored) == 0 {
		return ErrExpired
	}
	now, err := decode(stored)
	switch {
	case err != nil:
		return err
	case now.state == pending:
		return ErrExpired
	case now.Subject == subject && (now.state == to || now.state == spent && to == approved):
		return errDone
	}
	return ErrUsed
}
