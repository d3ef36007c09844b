// Package consent remembers what people have allowed the clients of others.
//
// A client of the operator's own needs no permission. Any other is allowed what
// the person said yes to, and nothing beside it. What is remembered belongs to
// the person, to the client, to the redirect URI that the answer goes to, and to
// the resources: an answer that would go elsewhere, or that opens another API, is
// asked for anew, and so is every scope that was not allowed yet. Clients that
// registered themselves are not remembered at all, because nobody knows who will
// be behind the same name tomorrow; that is the caller's to see to.
//
// An item of the registry table holds what one such place was allowed. It lies in
// the partition of the person.
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

// ActionGive is what the trail calls a consent.
const ActionGive audit.Action = "consent.give"

// Place is what a consent is for, besides its scopes.
type Place struct {
	Subject, Client string
	// RedirectURI is the registered one: the port of a loopback redirect,
	// which is another one each time, is no other place.
	RedirectURI string
	Resources   []string
}

// Store remembers consents in the registry table. It is safe for concurrent use.
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
// consistent read. A place that was allowed without any scope covers no scope,
// and a place that was never allowed does not even cover none.
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

// Give remembers that the person allowed these scopes at that place, beside what
// was allowed before, with an audit entry in the same transaction. A second time
// changes nothing but the time, and leaves an entry all the same.
func (s *Store) Give(ctx context.Context, p Place, scopes []string, requestID string) error {
	now := s.Now(ctx)
	update := &types.Update{
		TableName: &s.Registry, Key: p.key(),
		UpdateExpression:          new("SET #given = :now"),
		ExpressionAttributeNames:  map[string]string{"#given": attrGiven},
		ExpressionAttributeValues: dynamo.Item{":now": dynamo.Seconds(now)},
	}
	if len(scopes) > 0 { // no set is empty
		update.UpdateExpression = new(*update.UpdateExpression + " ADD #scopes :scopes")
		update.ExpressionAttributeNames["#scopes"] = attrScopes
		update.ExpressionAttributeValues[":scopes"] = &types.AttributeValueMemberSS{Value: scopes}
	}
	entry := s.Trail.Put(ctx, audit.Entry{
		Actor: p.Subject, Action: ActionGive, Subject: p.Subject, Object: "client#" + p.Client,
		Outcome: audit.Success, RequestID: requestID,
		Detail: map[string]string{
			"scope": strings.Join(scopes, " "), "redirect": p.RedirectURI, "resources": strings.Join(p.Resources, " "),
		},
	})
	if err := audit.Write(ctx, s.DB, types.TransactWriteItem{Update: update}, entry); err != nil {
		return fmt.Errorf("remember a consent: %w", err)
	}
	return nil
}

// batch is how many places one transaction forgets, beside its audit entry:
// DynamoDB takes a hundred writes.
const batch = 99

// Forget forgets everything that the person allowed the client, so that it is asked
// for anew wherever it would go, with an audit entry in the same transaction. It
// returns how many places that were; where there are none it leaves no entry. A
// client of many places takes several transactions: a call that fails half-way is
// made good by another one.
func (s *Store) Forget(ctx context.Context, subject, client, requestID string) (int, error) {
	keys, err := s.places(ctx, subject, client)
	if err != nil {
		return 0, err
	}
	forgotten := 0
	for part := range slices.Chunk(keys, batch) {
		writes := make([]types.TransactWriteItem, 0, len(part)+1)
		for _, key := range part {
			writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Registry, Key: key}})
		}
		writes = append(writes, s.Trail.Put(ctx, audit.Entry{
			Actor: subject, Action: audit.ConsentForget, Subject: subject, Object: "client#" + client,
			Outcome: audit.Success, RequestID: requestID, Detail: map[string]string{"places": strconv.Itoa(len(part))},
		}))
		if err := audit.Write(ctx, s.DB, writes...); err != nil {
			return forgotten, fmt.Errorf("forget what %s was allowed: %w", client, err)
		}
		forgotten += len(part)
	}
	return forgotten, nil
}

// places are the keys of all items of a person and a client. No id of a client has
// a "#" in it, so that none of another client begins in the same way.
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

// prefix begins the sort keys of what a client was allowed.
func prefix(client string) string { return "consent#" + client + "#" }

// key is the primary key of a place. The hash is over the length of each part as
// well, so that no two places have the same text.
func (p Place) key() dynamo.Item {
	resources := slices.Compact(slices.Sorted(slices.Values(p.Resources)))
	hash := sha256.New()
	for _, part := range append([]string{p.RedirectURI}, resources...) {
		_, _ = fmt.Fprintf(hash, "%d:%s", len(part), part) // a hash takes everything
	}
	return dynamo.Key("user#"+p.Subject, prefix(p.Client)+hex.EncodeToString(hash.Sum(nil)))
}
