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
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
//
// Adding and Removing return writes for the caller's transaction, which holds two
// more: that of the person's item from identity.Store.Changing, because a link is
// a way to sign in, and an audit entry.
type Store struct {
	DB *dynamodb.Client
	// Registry is the physical name of the table.
	Registry string
	Now      func(context.Context) time.Time
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
			":person": identity.Key(subject)[contract.PK], ":linked": dynamo.Text(Prefix),
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
// Each holds only while nobody has the account: of two people who link it at once
// one gets a condition that does not hold at the first write, and so does a person
// who links it twice.
//
// Have are the links that the person has, from List; nil for somebody who is only
// now created. A List that is newer than what the caller knows of the person's item
// makes MaxLinks hold, as Changing then refuses whatever came between. The error is
// ErrTooMany or ErrTwice.
func (s *Store) Adding(ctx context.Context, subject string, a Account, have []Link) (*Link, []types.TransactWriteItem, error) {
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
	var writes []types.TransactWriteItem
	for _, key := range []dynamo.Item{AccountKey(l.ID), PersonKey(subject, l.ID)} {
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName: &s.Registry, Item: l.encode(key),
			ConditionExpression:                 new("attribute_not_exists(pk)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}})
	}
	return l, writes, nil
}

// Removing returns the two writes that end a link. They hold only while it is the
// person's, so that the second of two is refused.
func (s *Store) Removing(l *Link) []types.TransactWriteItem {
	var writes []types.TransactWriteItem
	for _, key := range []dynamo.Item{AccountKey(l.ID), PersonKey(l.Subject, l.ID)} {
		writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{
			TableName: &s.Registry, Key: key,
			ConditionExpression:      new("#user = :person"),
			ExpressionAttributeNames: dynamo.Names(attrUser), ExpressionAttributeValues: dynamo.Item{":person": dynamo.Text(l.Subject)},
		}})
	}
	return writes
}

// Forgetting returns the two writes that end a link of a person who is being
// deleted, by its id. They hold as well when either item is gone.
func (s *Store) Forgetting(subject, id string) []types.TransactWriteItem {
	writes := s.Removing(&Link{ID: id, Subject: subject})
	for _, w := range writes {
		w.Delete.ConditionExpression = new("attribute_not_exists(pk) OR " + *w.Delete.ConditionExpression)
	}
	return writes
}

// Holds is a condition for the transaction of a sign-in: the account is still the
// person's. Without it a link that was removed a moment ago would let them in once
// more.
func (s *Store) Holds(l *Link) types.TransactWriteItem {
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &s.Registry, Key: AccountKey(l.ID),
		ConditionExpression:      new("#user = :person"),
		ExpressionAttributeNames: dynamo.Names(attrUser), ExpressionAttributeValues: dynamo.Item{":person": dynamo.Text(l.Subject)},
	}}
}
