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
	"maps"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
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
	// an invitation is used up. Of one whose condition does not hold the error is
	// an *AlsoError.
	Also []types.TransactWriteItem
}

// AlsoError says that the condition of a write did not hold that was to happen
// together with the creation of a person. Nothing was written.
type AlsoError struct {
	// Index is the place of the write in New.Also.
	Index int
	// Item is what is stored, if the write asked for it.
	Item map[string]types.AttributeValue
}

func (e *AlsoError) Error() string {
	return fmt.Sprintf("condition of write %d beside the user does not hold", e.Index)
}

// Change is a change of attributes of a person's item that ends all of their
// sessions.
type Change struct {
	// Set is a SET clause without the word.
	Set string
	// Remove is a REMOVE clause without the word.
	Remove string
	// If is a condition on the item, empty for none.
	If string
	// Values are the values that Set and If name.
	Values map[string]types.AttributeValue
	// Also are writes that happen with the change or not at all.
	Also []types.TransactWriteItem
}

// Create puts a person on the roster. It returns ErrTaken, ErrSubject, a *WeakError
// or an *AlsoError, or says what is wrong with the name or the address.
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
	fixed := []types.TransactWriteItem{s.put(identity.EncodeName(u)), s.put(it), s.Trail.Put(ctx, entry)}
	err := audit.Write(ctx, s.DB, slices.Concat(fixed, n.Also)...)
	if condition, ok := errors.AsType[*audit.ConditionError](err); ok {
		switch place := condition.Index - len(fixed); {
		case condition.Index == 0:
			return nil, ErrTaken
		case condition.Index == 1:
			return nil, ErrSubject
		case place >= 0:
			return nil, &AlsoError{Index: place, Item: condition.Item}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	return identity.Decode(it)
}

// put is the write of an item that is not there yet.
func (s *Store) put(it dynamo.Item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.Registry, Item: it, ConditionExpression: new("attribute_not_exists(pk)"),
	}}
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

// Password returns the change that gives a person a new password, or a
// *WeakError.
func (s *Store) Password(ctx context.Context, u *identity.User, password string) (Change, error) {
	hash, err := s.newHash(ctx, u, password)
	if err != nil {
		return Change{}, err
	}
	return Change{
		Set:    identity.AttrPassword + " = :password",
		Values: map[string]types.AttributeValue{":password": dynamo.Text(hash)},
	}, nil
}

func (s *Store) newHash(ctx context.Context, u *identity.User, password string) (string, error) {
	if err := CheckPassword(password, u.UserName, u.Name, u.Email); err != nil {
		return "", err
	}
	return s.Hash(ctx, password)
}

// While is c on the condition that the person is as in u: not disabled, and since
// then neither signed out everywhere nor with anything else to sign in with.
func (c Change) While(u *identity.User) Change {
	as := func(attr, value string, seen int64) string {
		if seen == 0 {
			return "(attribute_not_exists(" + attr + ") OR " + attr + " = " + value + ")"
		}
		return attr + " = " + value
	}
	c.If = as(identity.AttrAuthGen, ":while_gen", u.AuthGen) + " AND " + as(identity.AttrCredentials, ":while_creds", u.Credentials) +
		" AND (attribute_not_exists(" + identity.AttrDisabled + ") OR " + identity.AttrDisabled + " = :while_no)"
	values := dynamo.Item{
		":while_gen": dynamo.Number(u.AuthGen), ":while_creds": dynamo.Number(u.Credentials), ":while_no": dynamo.Flag(false),
	}
	maps.Copy(values, c.Values)
	c.Values = values
	return c
}

// Disabled is the change that disables a person.
func Disabled() Change {
	return Change{
		Set:    identity.AttrDisabled + " = :disabled",
		Values: map[string]types.AttributeValue{":disabled": &types.AttributeValueMemberBOOL{Value: true}},
	}
}

// Enable lets a person sign in again. What was ended stays so. It returns
// ErrChanged when the person is not as in u.
func (s *Store) Enable(ctx context.Context, u *identity.User) error {
	update := types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Registry, Key: identity.Key(u.Subject),
		UpdateExpression:    new("REMOVE " + identity.AttrDisabled + " ADD " + identity.AttrRevision + " :one"),
		ConditionExpression: new(identity.AttrRevision + " = :seen"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":one": &types.AttributeValueMemberN{Value: "1"}, ":seen": identity.Encode(u)[identity.AttrRevision],
		},
	}}
	err := audit.Write(ctx, s.DB, update, s.Trail.Put(ctx, s.entry(u, audit.UserEnable, nil)))
	if _, changed := errors.AsType[*audit.ConditionError](err); changed {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("enable %s: %w", u.Subject, err)
	}
	return nil
}

// entry names nobody but by the subject: the trail outlives people.
func (s *Store) entry(u *identity.User, action audit.Action, detail map[string]string) audit.Entry {
	return audit.Entry{
		Actor: s.Actor, Action: action, Subject: u.Subject, Object: "user#" + u.Subject,
		Outcome: audit.Success, Detail: detail,
	}
}
