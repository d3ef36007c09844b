// Package admin creates, lists and disables users, and decides which passwords are
// allowed. It is for operators, and for the flows in which users register or change
// their password. A sign-in needs only package identity.
//
// Every change is one transaction with its audit entry. Two changes, a new password and
// the disabling of a user, end all sessions of the user in the same transaction. This
// package does not know sessions, so [Store.Password] and [Disabled] return a change
// that package session runs.
package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

var (
	// ErrTaken is returned when another user has that user name, in upper or lower
	// case.
	ErrTaken = errors.New("user name is taken")
	// ErrSubject is returned when the user of a promised subject exists.
	ErrSubject = errors.New("subject is taken")
	// ErrChanged is returned when the user has changed since the caller read them.
	ErrChanged = errors.New("the user has changed since they were read; run the command again")
)

// Store changes the users of one stage.
type Store struct {
	*identity.Store
	// Actor is the operator or the user who makes the changes, for the audit trail.
	Actor string
}

// New is a user to create.
type New struct {
	// Subject is one of [identity.NewSubject] that an invitation has promised to
	// the user, empty for a new one.
	Subject  string
	UserName string
	// Name and Email may be empty.
	Name, Email string
	// EmailVerified is true if the address is known to belong to the user.
	EmailVerified bool
	// Password may be empty: the user then cannot sign in with a password.
	Password string
	// SignsInWith is the credential of a user without a password, for the audit
	// trail, empty for none.
	SignsInWith string
	// Inviter is the operator who invited the user, empty for none.
	Inviter   string
	RequestID string
	// Also are writes of the same transaction, such as the one that uses an
	// invitation up, each with the name of its failure.
	Also []dynamo.Write
}

// Create creates a user. It returns [ErrTaken], [ErrSubject], a [*WeakError], the
// failure of one of n.Also, or the error of [New.Check].
func (s *Store) Create(ctx context.Context, n New) (*identity.User, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	u := &identity.User{
		Subject: cmp.Or(n.Subject, identity.NewSubject(s.Now(ctx))), UserName: n.UserName, Name: n.Name,
		Email: n.Email, EmailVerified: n.EmailVerified, Revision: 1,
	}
	it := identity.Encode(u)
	signIn := cmp.Or(n.SignsInWith, "nothing")
	if n.Password != "" {
		hash, err := s.newHash(ctx, u, n.Password)
		if err != nil {
			return nil, err
		}
		it[identity.AttrPassword] = dynamo.Text(hash)
		signIn = "password"
	}
	entry := s.entry(u, audit.UserCreate, map[string]string{"signs_in_with": signIn})
	entry.RequestID = n.RequestID
	if n.Inviter != "" {
		entry.Detail["invited_by"] = n.Inviter
	}
	err := append(dynamo.Tx{
		dynamo.Create(s.Registry, identity.EncodeName(u)).Else(ErrTaken),
		dynamo.Create(s.Registry, it).Else(ErrSubject), s.Trail.Put(ctx, entry),
	}, n.Also...).Run(ctx, s.DB)
	if dynamo.Failed(err) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	return identity.Decode(it)
}

const maxLabel = 200

// Check returns an error for an invalid user name, name or address.
func (n New) Check() error {
	printable := func(s string) bool {
		return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
	}
	switch address, err := mail.ParseAddress(n.Email); {
	case !identity.ValidUserName(n.UserName):
		return fmt.Errorf(`user name %q is not 1 to 64 letters, digits, ".", "_", "@", "+" and "-"`, n.UserName)
	case len(n.Name) > maxLabel || !printable(n.Name):
		return fmt.Errorf("name is longer than %d bytes or cannot be printed", maxLabel)
	case n.Email != "" && (err != nil || address.Address != n.Email || len(n.Email) > maxLabel):
		return fmt.Errorf("email %q is not an e-mail address", n.Email)
	}
	return nil
}

// Password returns the change that gives a user a new password, or a [*WeakError].
func (s *Store) Password(ctx context.Context, u *identity.User, password string) (dynamo.Changes, error) {
	hash, err := s.newHash(ctx, u, password)
	if err != nil {
		return dynamo.Changes{}, err
	}
	return dynamo.Changes{Set: dynamo.Item{identity.AttrPassword: dynamo.Text(hash)}}, nil
}

func (s *Store) newHash(ctx context.Context, u *identity.User, password string) (string, error) {
	if err := CheckPassword(password, u.UserName, u.Name, u.Email); err != nil {
		return "", err
	}
	return s.Hash(ctx, password)
}

// Disabled returns the change that disables a user, for a transaction that ends
// everything of the user.
func Disabled() dynamo.UserChange {
	return dynamo.UserChange{Changes: dynamo.Changes{Set: dynamo.Item{dynamo.AttrDisabled: dynamo.Flag(true)}}}
}

// Enable allows a disabled user to sign in again. Ended sessions stay ended. It returns
// [ErrChanged] when the user has changed since u was read.
func (s *Store) Enable(ctx context.Context, u *identity.User) error {
	err := dynamo.Tx{
		dynamo.Update(s.Registry, dynamo.UserKey(u.Subject),
			dynamo.Changes{Remove: []string{dynamo.AttrDisabled}, Raise: []string{dynamo.AttrRevision}},
			dynamo.Equal(dynamo.AttrRevision, dynamo.Number(u.Revision))).Else(ErrChanged),
		s.Trail.Put(ctx, s.entry(u, audit.UserEnable, nil)),
	}.Run(ctx, s.DB)
	if err != nil {
		return fmt.Errorf("enable %s: %w", u.Subject, err)
	}
	return nil
}

// entry names the user only by the subject, since the trail outlives users.
func (s *Store) entry(u *identity.User, action audit.Action, detail map[string]string) audit.Entry {
	return audit.Entry{
		Actor: s.Actor, Action: action, Subject: u.Subject, Object: contract.UserPrefix.Of(u.Subject),
		Outcome: audit.Success, Detail: detail,
	}
}
