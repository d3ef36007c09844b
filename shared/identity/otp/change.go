package otp

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// Add gives u the app that shows this code now, and returns the recovery codes,
// which nobody can read again. From then on a sign-in of u has a second step. The
// code counts as used. It is one transaction with its audit entry. The error is
// ErrWrong when the code is not of the secret, ErrExists, ErrChanged, or
// identity.ErrPepper when the keys of the stage are older than peppers.
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
	// No condition of its own: the write of the person holds that there is none.
	put := types.TransactWriteItem{Put: &types.Put{TableName: &s.Registry, Item: e.encode()}}
	flag := s.People.Changing(u, identity.AttrOTP+" = :otp", "", dynamo.Item{":otp": dynamo.Flag(true)})
	if err := s.write(ctx, u, audit.OTPAdd, requestID, flag, put); err != nil {
		return nil, fmt.Errorf("add an authenticator app: %w", err)
	}
	return codes, nil
}

// NewCodes gives u ten new recovery codes; the ones before are worth nothing from
// then on. The error is ErrNone or ErrChanged, or as of Add.
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
	set := s.update(u.Subject, "SET #codes = :codes, #codes_pepper = :pepper", "attribute_exists(#secret)", dynamo.Item{
		":codes": texts(kept), ":pepper": dynamo.Text(p.ID),
	}, attrCodes, attrCodesPepper, attrSecret)
	if err := s.write(ctx, u, audit.OTPCodes, requestID, s.People.Changing(u, "", "", nil), set); err != nil {
		return nil, fmt.Errorf("make recovery codes: %w", err)
	}
	return codes, nil
}

// Remove takes the app of u away, with the recovery codes: a sign-in has no second
// step any more. The error is ErrNone or ErrChanged.
func (s *Store) Remove(ctx context.Context, u *identity.User, requestID string) error {
	if !u.OTP {
		return ErrNone
	}
	flag := s.People.Changing(u, "", identity.AttrOTP, nil)
	if err := s.write(ctx, u, audit.OTPRemove, requestID, flag, s.Removal(u.Subject)); err != nil {
		return fmt.Errorf("remove an authenticator app: %w", err)
	}
	return nil
}

// Removal is the write that deletes what a person has, and does nothing where there
// is nothing, for a transaction that has to take identity.AttrOTP off the user item
// too; as session.UserChange{Remove: identity.AttrOTP} does.
func (s *Store) Removal(subject string) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Registry, Key: key(subject)}}
}

// write runs a change of a person, the first of the writes, with its audit entry.
func (s *Store) write(ctx context.Context, u *identity.User, action audit.Action, requestID string, writes ...types.TransactWriteItem) error {
	entry := s.Trail.Put(ctx, audit.Entry{
		Actor: u.Subject, Action: action, Subject: u.Subject, Object: "user#" + u.Subject,
		Outcome: audit.Success, RequestID: requestID,
	})
	err := audit.Write(ctx, s.DB, append(writes, entry)...)
	if _, changed := errors.AsType[*audit.ConditionError](err); changed {
		return ErrChanged
	}
	return err
}
