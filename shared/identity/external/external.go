// Package external links accounts at other issuers to users.
//
// An account is identified by its issuer and its subject there (OpenID Connect Core
// §5.7). These two identify the account permanently, while a mail address or a name may
// move to another account. So no user is found by an address or a name.
//
// A [Link] is two items of the registry table that are created and deleted in one
// transaction. One has the hash of the account as its key and leads to the user. The
// key can exist only once, so an account never belongs to two users. The other lies in
// the partition of the user and lists the links of the user. Neither holds the subject
// at the issuer, which is not needed here.
package external

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// MaxLinks is how many accounts a user may link.
const MaxLinks = 20

var (
	// ErrUnknown is returned when the account is linked to no user, or the user has
	// no such link.
	ErrUnknown = errors.New("account is not linked")
	// ErrTooMany is returned when the user has [MaxLinks] links.
	ErrTooMany = fmt.Errorf("a user has at most %d linked accounts", MaxLinks)
	// ErrTaken is returned when another user, or another request, has linked the
	// account.
	ErrTaken = errors.New("the account is linked to another user")
	// ErrTwice is returned when the user has already linked the account.
	ErrTwice = errors.New("account is linked already")
)

// Account is an account at another issuer.
type Account struct {
	// Issuer and Subject are compared byte by byte.
	Issuer, Subject string
	// Upstream is the id of the upstream at which the user signed in. Label is a
	// name of the account for display, such as its mail address at that time.
	// Neither identifies the account.
	Upstream, Label string
}

// Link is an account at another issuer that belongs to a user.
type Link struct {
	// ID is the [ID] of the account: 64 hexadecimal digits.
	ID string
	// Subject is the subject of the user here.
	Subject                 string
	Upstream, Issuer, Label string
	Created                 time.Time
}

// Store keeps links in the registry table. It is safe for concurrent use.
type Store struct {
	DB *dynamodb.Client
	// Registry is the physical name of the table.
	Registry string
	// People are the users. Link and Create need them.
	People *identity.Store
	Now    func(context.Context) time.Time
}

// ID returns the id of the link of an account. No issuer contains the byte 0, so no two
// accounts have the same id.
func ID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return hex.EncodeToString(sum[:])
}

// Find returns the link of an account to any user, or [ErrUnknown], with one consistent
// read.
func (s *Store) Find(ctx context.Context, issuer, subject string) (*Link, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Registry, Key: AccountKey(ID(issuer, subject)), ConsistentRead: new(true),
	})
	if err != nil {
		return nil, fmt.Errorf("find a linked account: %w", err)
	}
	if len(out.Item) == 0 {
		return nil, ErrUnknown
	}
	l, err := decode(out.Item)
	if err != nil {
		return nil, err
	}
	if l.Issuer != issuer {
		return nil, fmt.Errorf("link %s in the registry is of another issuer", l.ID)
	}
	return l, nil
}

// List returns the links of a user, in order of their ids, with one consistent query.
func (s *Store) List(ctx context.Context, subject string) ([]Link, error) {
	pages := dynamodb.NewQueryPaginator(s.DB, &dynamodb.QueryInput{
		TableName: &s.Registry, ConsistentRead: new(true),
		KeyConditionExpression: new("pk = :person AND begins_with(sk, :linked)"),
		ExpressionAttributeValues: dynamo.Item{
			":person": dynamo.UserKey(subject)[contract.PK], ":linked": dynamo.Text(string(contract.ExternalAccountPrefix)),
		},
	})
	var all []Link
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list linked accounts: %w", err)
		}
		for _, it := range page.Items {
			l, err := decode(it)
			if err != nil {
				return nil, err
			}
			all = append(all, *l)
		}
	}
	return all, nil
}

// Adding returns the new link of an account and the two writes that create it. The
// writes fail with [ErrTaken] when the account is linked, so one of two concurrent
// requests gets the account.
//
// Have are the links of the user, from [Store.List], nil for a new user. The caller
// reads the user's item before the list. Then [identity.Store.Changing] refuses a
// concurrent change, and [MaxLinks] is never exceeded. The error is [ErrTooMany] or
// [ErrTwice].
func (s *Store) Adding(ctx context.Context, subject string, a Account, have []Link) (*Link, []dynamo.Write, error) {
	l := &Link{
		ID: ID(a.Issuer, a.Subject), Subject: subject,
		Upstream: a.Upstream, Issuer: a.Issuer, Label: cut(a.Label), Created: s.Now(ctx).UTC().Truncate(time.Second),
	}
	for _, other := range have {
		if other.ID == l.ID {
			return nil, nil, ErrTwice
		}
	}
	if len(have) >= MaxLinks {
		return nil, nil, ErrTooMany
	}
	var writes []dynamo.Write
	for _, key := range l.keys() {
		writes = append(writes, dynamo.Create(s.Registry, l.encode(key)).Else(ErrTaken))
	}
	return l, writes, nil
}

// keys returns the keys of the two items of a link.
func (l *Link) keys() []dynamo.Item {
	return []dynamo.Item{AccountKey(l.ID), PersonKey(l.Subject, l.ID)}
}

// isOf holds while the item of a link belongs to the user.
func isOf(subject string) dynamo.Condition { return dynamo.Equal(attrUser, dynamo.Text(subject)) }

// Removing returns the two writes that delete a link. They fail with [ErrUnknown] when
// it no longer belongs to the user.
func (s *Store) Removing(l *Link) []dynamo.Write {
	var writes []dynamo.Write
	for _, key := range l.keys() {
		writes = append(writes, dynamo.Delete(s.Registry, key, isOf(l.Subject)).Else(ErrUnknown))
	}
	return writes
}

// Forgetting returns the two writes that delete a link of a user who is being deleted,
// by its id. They also succeed when either item is absent, and fail with [ErrTaken] when
// the account belongs to another user.
func (s *Store) Forgetting(subject, id string) []dynamo.Write {
	var writes []dynamo.Write
	for _, key := range (&Link{ID: id, Subject: subject}).keys() {
		writes = append(writes, dynamo.Delete(s.Registry, key, dynamo.Any(dynamo.NotExists(), isOf(subject))).Else(ErrTaken))
	}
	return writes
}

// Holds returns a check for the transaction of a sign-in: the account still belongs to
// the user. Without it a link that was removed during the sign-in would still work. It
// fails with [ErrUnknown].
func (s *Store) Holds(l *Link) dynamo.Write {
	return dynamo.Check(s.Registry, AccountKey(l.ID), isOf(l.Subject)).Else(ErrUnknown)
}
