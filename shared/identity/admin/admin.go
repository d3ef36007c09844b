// Package admin is the list of people: who is on it, who comes and who may no
// longer sign in. It is for operators and for people who change their own
// password; who only signs in needs package identity alone.
//
// Every change is one transaction with its audit entry. Two of them, a new
// password and the disabling of a person, end all that the person is signed in
// to, in that same transaction. Sessions are not known here, so these two are
// handed out as a Change for the package that ends sessions to carry out.
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
	// ErrTaken says that somebody has that user name, in upper or lower case.
	ErrTaken = errors.New("user name is taken")
	// ErrSubject says that the person of a promised subject is here already.
	ErrSubject = errors.New("subject is taken")
	// ErrChanged says that somebody else changed the person at the same time.
	ErrChanged = errors.New("somebody else changed the user; run the command again")
)

// Store is the roster of one stage.
type Store struct {
	*identity.Store
	// Actor is who makes the changes, for the trail.
	Actor string
}

// New is a person to put on the roster.
type New struct {
	// Subject is one of identity.NewSubject that was promised to the person
	// before, empty for a new one.
	Subject  string
	UserName string
	// Name and Email may be empty.
	Name, Email string
	// EmailVerified says that the address is known to be the person's.
	EmailVerified bool
	// Password may be empty: the person cannot sign in with one then.
	Password string
	// SignsInWith is what the trail says that somebody without a password signs
	// in with, empty for nothing.
	SignsInWith string
	// Inviter is who invited the person, empty if nobody did.
	Inviter   string
	RequestID string
	// Also are writes that happen with the creation or not at all, such as that
	// an invitation is used up, each with the name of its failure.
	Also []dynamo.Write
}

// Create puts a person on the roster. It returns ErrTaken, ErrSubject, a *WeakError,
// the failure of one of n.Also, or what is wrong with the name or the address.
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

// Check says what is wrong with the names and the address, if anything.
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

// Password returns the change that gives a user a new password, or a *WeakError.
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

// Disabled is the change that disables a user, for a transaction that ends
// everything of theirs.
func Disabled() dynamo.UserChange {
	return dynamo.UserChange{Changes: dynamo.Changes{Set: dynamo.Item{dynamo.AttrDisabled: dynamo.Flag(true)}}}
}

// Enable lets a person sign in again. What was ended stays so. It returns
// ErrChanged when the person is not as in u.
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

// entry names nobody but by the subject: the trail outlives people.
func (s *Store) entry(u *identity.User, action audit.Action, detail map[string]string) audit.Entry {
	return audit.Entry{
		Actor: s.Actor, Action: action, Subject: u.Subject, Object: contract.UserPrefix.Of(u.Subject),
		Outcome: audit.Success, Detail: detail,
	}
}
