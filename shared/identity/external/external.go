// Package external knows which person an account at another issuer belongs to.
//
// Such an account is named by its issuer and the subject that the issuer gave it
// (OpenID Connect Core §5.7): these two together are the account for ever, while a
// mail address or a name is one today and another's tomorrow. Nobody is found by
// those.
//
// A link is two items of the registry table that come and go in one transaction.
// One lies under the hash of the account and leads to the person: its key can
// exist only once, so that an account is never two people's. The other lies in the
// partition of the person, who sees there what is linked. Neither holds the
// subject itself, which nobody here needs.
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

// MaxLinks is how many accounts elsewhere a person may link.
const MaxLinks = 20

var (
	// ErrUnknown says that the account is linked to nobody, or the person has
	// no such link.
	ErrUnknown = errors.New("account is not linked")
	// ErrTooMany says that the person has MaxLinks of them.
	ErrTooMany = fmt.Errorf("a person has at most %d linked accounts", MaxLinks)
	// ErrTaken is returned when another user, or another request, has linked the
	// account.
	ErrTaken = errors.New("the account is linked to another user")
	// ErrTwice says that the person has linked this very account before.
	ErrTwice = errors.New("account is linked already")
)

// Account is an account elsewhere, as its issuer names it.
type Account struct {
	// Issuer and Subject are compared byte by byte.
	Issuer, Subject string
	// Upstream is the id of the upstream by which the person came, and Label
	// what people know the account by, such as its mail address at that
	// moment. Both are for people to read and decide nothing.
	Upstream, Label string
}

// Link is an account elsewhere that belongs to a person.
type Link struct {
	// ID is made from the issuer and the subject of the account: 64 hexadecimal
	// digits.
	ID string
	// Subject is the person's, here.
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

// ID returns the id of the link of an account. No issuer has the byte 0 in it, so
// no two accounts have the same.
func ID(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return hex.EncodeToString(sum[:])
}

// Find returns the link of an account, whomever it belongs to, or ErrUnknown, with
// one consistent read.
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

// List returns the links of a person, in order of their ids, with one consistent
// query.
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

// Adding returns the link that an account becomes and the two writes that make it.
// They fail with ErrTaken: of two users who link an account at once one gets it, and
// so does a user who links it twice.
//
// Have are the links that the user has, from List; nil for a user who is only now
// created. A List that is newer than what the caller knows of the user's item makes
// MaxLinks hold, as identity.Store.Changing then refuses whatever came between. The
// error is ErrTooMany or ErrTwice.
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

// keys are those of the two items of a link.
func (l *Link) keys() []dynamo.Item {
	return []dynamo.Item{AccountKey(l.ID), PersonKey(l.Subject, l.ID)}
}

// isOf holds while the item of a link is the user's.
func isOf(subject string) dynamo.Condition { return dynamo.Equal(attrUser, dynamo.Text(subject)) }

// Removing returns the two writes that end a link. They fail with ErrUnknown when it
// is not the user's any more.
func (s *Store) Removing(l *Link) []dynamo.Write {
	var writes []dynamo.Write
	for _, key := range l.keys() {
		writes = append(writes, dynamo.Delete(s.Registry, key, isOf(l.Subject)).Else(ErrUnknown))
	}
	return writes
}

// Forgetting returns the two writes that end a link of a user who is being deleted,
// by its id. They hold as well when either item is gone, and fail with ErrTaken when
// the account is another user's by now.
func (s *Store) Forgetting(subject, id string) []dynamo.Write {
	var writes []dynamo.Write
	for _, key := range (&Link{ID: id, Subject: subject}).keys() {
		writes = append(writes, dynamo.Delete(s.Registry, key, dynamo.Any(dynamo.NotExists(), isOf(subject))).Else(ErrTaken))
	}
	return writes
}

// Holds is a condition for the transaction of a sign-in: the account is still the
// user's. Without it a link that was removed a moment ago would let them in once
// more. It fails with ErrUnknown.
func (s *Store) Holds(l *Link) dynamo.Write {
	return dynamo.Check(s.Registry, AccountKey(l.ID), isOf(l.Subject)).Else(ErrUnknown)
}
