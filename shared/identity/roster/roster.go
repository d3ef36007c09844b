// Package roster is the list of people: who is on it, who comes and who may no
// longer sign in. It is for operators and for people who change their own
// password; who only signs in needs package identity alone.
//
// Every change is one transaction with its audit entry. Two of them, a new
// password and the disabling of a person, end all that the person is signed in
// to, in that same transaction. Sessions are not known here, so these two are
// handed out as a Change for the package that ends sessions to carry out.
package roster

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/item"
)

var (
	// ErrTaken says that somebody has that user name, in upper or lower case.
	ErrTaken = errors.New("user name is taken")
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
	UserName string
	// Name and Email may be empty.
	Name, Email string
	// Password may be empty: the person cannot sign in with one then.
	Password string
}

// Change is a change of attributes of a person's item that ends all of their
// sessions.
type Change struct {
	// Set is a SET clause without the word.
	Set string
	// Values are the values that Set names.
	Values map[string]types.AttributeValue
}

// Create puts a person on the roster, with a new subject. It returns ErrTaken or
// a *WeakError, or says what is wrong with the name or the address.
func (s *Store) Create(ctx context.Context, n New) (*identity.User, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	u := &identity.User{Subject: identity.NewSubject(s.Now()), UserName: n.UserName, Name: n.Name, Email: n.Email, Revision: 1}
	it := identity.Encode(u)
	signIn := "nothing"
	if n.Password != "" {
		hash, err := s.newHash(ctx, u, n.Password)
		if err != nil {
			return nil, err
		}
		it[identity.AttrPassword] = item.Text(hash)
		signIn = "password"
	}
	put := func(it map[string]types.AttributeValue) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{
			TableName: &s.Registry, Item: it, ConditionExpression: new("attribute_not_exists(pk)"),
		}}
	}
	err := audit.Write(ctx, s.DB, put(identity.EncodeName(u)), put(it),
		s.Trail.Put(s.entry(u, audit.UserCreate, map[string]string{"signs_in_with": signIn})))
	if condition, ok := errors.AsType[*audit.ConditionError](err); ok && condition.Index == 0 {
		return nil, ErrTaken
	}
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	return identity.Decode(it)
}

const maxLabel = 200

func (n New) check() error {
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
		Values: map[string]types.AttributeValue{":password": item.Text(hash)},
	}, nil
}

func (s *Store) newHash(ctx context.Context, u *identity.User, password string) (string, error) {
	if err := CheckPassword(password, u.UserName, u.Name, u.Email); err != nil {
		return "", err
	}
	return s.Hash(ctx, password)
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
	err := audit.Write(ctx, s.DB, update, s.Trail.Put(s.entry(u, audit.UserEnable, nil)))
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

// List returns everybody, in order of their user names. It reads the whole
// table, which no function ever needs to.
func (s *Store) List(ctx context.Context) ([]*identity.User, error) {
	pages := dynamodb.NewScanPaginator(s.DB, &dynamodb.ScanInput{
		TableName: &s.Registry, ConsistentRead: new(true),
		FilterExpression:          new(contract.SK + " = :user"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":user": item.Text(identity.SKUser)},
	})
	var all []*identity.User
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list users: %w", err)
		}
		for _, it := range page.Items {
			u, err := identity.Decode(it)
			if err != nil {
				return nil, err
			}
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *identity.User) int {
		return strings.Compare(strings.ToLower(a.UserName), strings.ToLower(b.UserName))
	})
	return all, nil
}
