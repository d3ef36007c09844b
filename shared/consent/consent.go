// Package consent stores which clients a user has consented to.
//
// # What a consent covers
//
// A first-party client needs no consent. Any other client gets only what the user
// agreed to. A consent belongs to the user, the client, the redirect URI of the
// answer, and the resources. The user is asked again when the answer would go to
// another redirect URI, when it opens another resource, and for each scope that was
// not allowed yet. See [Place].
//
// Consents to clients that registered themselves must not be stored: the same name
// may belong to another party tomorrow. The caller ensures that.
//
// # Storage
//
// An item of the registry table holds the scopes of one place. It is in the
// partition of the user.
package consent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// ActionGive is the audit action of a consent.
const ActionGive audit.Action = "consent.give"

// Place is the scope of validity of a consent, apart from its OAuth scopes.
type Place struct {
	Subject, Client string
	// RedirectURI is the registered one. A loopback redirect has another port
	// each time, which makes no other place.
	RedirectURI string
	Resources   []string
}

// Store stores consents in the registry table. It is safe for concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Registry string
	Trail    *audit.Trail
	Now      func(context.Context) time.Time
}

// The attributes of an item besides the keys.
const (
	attrScopes = "scopes" // string set; absent: none
	attrGiven  = "given"  // epoch seconds, of the last time
)

// Covers reports whether all these scopes were allowed at that place, with one
// consistent read. A place that was allowed without any scope covers the empty list.
// A place that was never allowed does not.
func (s *Store) Covers(ctx context.Context, p Place, scopes []string) (bool, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Registry, Key: p.key(), ConsistentRead: new(true)})
	if err != nil {
		return false, fmt.Errorf("read a consent: %w", err)
	}
	if len(out.Item) == 0 {
		return false, nil
	}
	var given []string
	if set, ok := out.Item[attrScopes].(*types.AttributeValueMemberSS); ok {
		given = set.Value
	}
	return !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(given, scope) }), nil
}

// Give stores that the user allowed these scopes at that place, in addition to those
// allowed before. Its audit entry is in the same transaction. A second call changes
// only the time and writes another entry.
func (s *Store) Give(ctx context.Context, p Place, scopes []string, requestID string) error {
	given := dynamo.Update(s.Registry, p.key(), dynamo.Changes{
		Set:     dynamo.Item{attrGiven: dynamo.Seconds(s.Now(ctx))},
		Include: map[string][]string{attrScopes: scopes},
	})
	entry := s.Trail.Put(ctx, audit.Entry{
		Actor: p.Subject, Action: ActionGive, Subject: p.Subject, Object: contract.ClientPrefix.Of(p.Client),
		Outcome: audit.Success, RequestID: requestID,
		Detail: map[string]string{
			"scope": strings.Join(scopes, " "), "redirect": p.RedirectURI, "resources": strings.Join(p.Resources, " "),
		},
	})
	if err := (dynamo.Tx{given, entry}).Run(ctx, s.DB); err != nil {
		return fmt.Errorf("remember a consent: %w", err)
	}
	return nil
}

// batch is how many places one transaction deletes, beside its audit entry.
const batch = dynamo.MaxWrites - 1

// Forget deletes all consents of the user to the client, so that the user is asked
// again at every place. Its audit entry is in the same transaction. Forget returns
// the number of places. When there are none it writes no entry. Many places take
// several transactions: after a failure in the middle another call completes it.
func (s *Store) Forget(ctx context.Context, subject, client, requestID string) (int, error) {
	keys, err := s.places(ctx, subject, client)
	if err != nil {
		return 0, err
	}
	forgotten := 0
	for part := range slices.Chunk(keys, batch) {
		tx := make(dynamo.Tx, 0, len(part)+1)
		for _, key := range part {
			tx = append(tx, dynamo.Delete(s.Registry, key))
		}
		tx = append(tx, s.Trail.Put(ctx, audit.Entry{
			Actor: subject, Action: audit.ConsentForget, Subject: subject, Object: contract.ClientPrefix.Of(client),
			Outcome: audit.Success, RequestID: requestID, Detail: map[string]string{"places": strconv.Itoa(len(part))},
		}))
		if err := tx.Run(ctx, s.DB); err != nil {
			return forgotten, fmt.Errorf("forget what %s was allowed: %w", client, err)
		}
		forgotten += len(part)
	}
	return forgotten, nil
}

// places returns the keys of all items of a user and a client. No client id has a
// "#" in it, so the prefix matches no other client.
func (s *Store) places(ctx context.Context, subject, client string) ([]dynamo.Item, error) {
	all := Place{Subject: subject, Client: client}.key()
	pages := dynamodb.NewQueryPaginator(s.DB, &dynamodb.QueryInput{
		TableName: &s.Registry, ConsistentRead: new(true),
		KeyConditionExpression: new("#pk = :person AND begins_with(#sk, :client)"),
		ProjectionExpression:   new("#pk, #sk"),
		ExpressionAttributeNames: map[string]string{
			"#pk": contract.PK, "#sk": contract.SK,
		},
		ExpressionAttributeValues: dynamo.Item{":person": all[contract.PK], ":client": dynamo.Text(prefix(client))},
	})
	var keys []dynamo.Item
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list what %s was allowed: %w", client, err)
		}
		for _, it := range page.Items {
			keys = append(keys, it)
		}
	}
	return keys, nil
}

// prefix begins the sort keys of the consents to a client.
func prefix(client string) string { return contract.ConsentPrefix.Of(client) + "#" }

// key is the primary key of a place. The hash includes the length of each part, so
// that no two places have the same input.
func (p Place) key() dynamo.Item {
	resources := slices.Compact(slices.Sorted(slices.Values(p.Resources)))
	hash := sha256.New()
	for _, part := range append([]string{p.RedirectURI}, resources...) {
		_, _ = fmt.Fprintf(hash, "%d:%s", len(part), part) // a hash takes everything
	}
	return dynamo.Key(contract.UserPrefix.Of(p.Subject), prefix(p.Client)+hex.EncodeToString(hash.Sum(nil)))
}
