package otp

import (
	"context"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// Add adds an app with a secret to u, confirmed by a current code, and returns the
// recovery codes, which cannot be read again. From then on a sign-in of u has a second
// step. The code counts as used. It makes one transaction with its audit entry. The
// error is [ErrWrong] when the code does not match the secret, [ErrExists],
// [identity.ErrChanged], or [identity.ErrPepper] when the stage has no pepper yet.
func (s *Store) Add(ctx context.Context, u *identity.User, secret Secret, typed, requestID string) ([]string, error) {
	if u.OTP {
		return nil, ErrExists
	}
	code := Normalize(typed)
	if !ofApp(code) {
		return nil, ErrWrong
	}
	at, ok, err := secret.match(code, s.Now(ctx))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrWrong
	}
	e := &enrolled{subject: u.Subject, last: at, created: s.Now(ctx)}
	p, err := s.newest(ctx)
	if err != nil {
		return nil, err
	}
	if e.sealed, err = seal(p, u.Subject, secret); err != nil {
		return nil, err
	}
	codes := newCodes()
	if e.codes, err = hashes(p, u.Subject, codes); err != nil {
		return nil, err
	}
	e.pepper, e.codesPepper = p.ID, p.ID
	// No condition on the item: the write of the user makes sure that there is none.
	put := dynamo.Put(s.Registry, e.encode())
	flag := s.People.Changing(u, dynamo.Changes{Set: dynamo.Item{identity.AttrOTP: dynamo.Flag(true)}})
	if err := s.write(ctx, u, audit.OTPAdd, requestID, flag, put); err != nil {
		return nil, fmt.Errorf("add an authenticator app: %w", err)
	}
	return codes, nil
}

// NewCodes replaces the recovery codes of u by ten new ones, and returns them. The error
// is [ErrNone], [identity.ErrChanged] or [identity.ErrPepper].
func (s *Store) NewCodes(ctx context.Context, u *identity.User, requestID string) ([]string, error) {
	if !u.OTP {
		return nil, ErrNone
	}
	p, err := s.newest(ctx)
	if err != nil {
		return nil, err
	}
	codes := newCodes()
	kept, err := hashes(p, u.Subject, codes)
	if err != nil {
		return nil, err
	}
	set := dynamo.Update(s.Registry, key(u.Subject), dynamo.Changes{Set: dynamo.Item{
		attrCodes: texts(kept), attrCodesPepper: dynamo.Text(p.ID),
	}}, dynamo.Present(attrSecret)).Else(identity.ErrChanged)
	if err := s.write(ctx, u, audit.OTPCodes, requestID, s.People.Changing(u, dynamo.Changes{}), set); err != nil {
		return nil, fmt.Errorf("make recovery codes: %w", err)
	}
	return codes, nil
}

// Remove removes the app and the recovery codes of u: a sign-in has no second step any
// more. The error is [ErrNone] or [identity.ErrChanged].
func (s *Store) Remove(ctx context.Context, u *identity.User, requestID string) error {
	if !u.OTP {
		return ErrNone
	}
	flag := s.People.Changing(u, dynamo.Changes{Remove: []string{identity.AttrOTP}})
	if err := s.write(ctx, u, audit.OTPRemove, requestID, flag, s.Removal(u.Subject)); err != nil {
		return fmt.Errorf("remove an authenticator app: %w", err)
	}
	return nil
}

// Removal returns the write that deletes the app and the recovery codes of a user, if
// any. The same transaction must remove [identity.AttrOTP] from the user's item.
func (s *Store) Removal(subject string) dynamo.Write { return dynamo.Delete(s.Registry, key(subject)) }

// write runs writes about a user with their audit entry in one transaction.
func (s *Store) write(ctx context.Context, u *identity.User, action audit.Action, requestID string, writes ...dynamo.Write) error {
	return append(dynamo.Tx(writes), s.Trail.Put(ctx, audit.Entry{
		Actor: u.Subject, Action: action, Subject: u.Subject, Object: contract.UserPrefix.Of(u.Subject),
		Outcome: audit.Success, RequestID: requestID,
	})).Run(ctx, s.DB)
}
