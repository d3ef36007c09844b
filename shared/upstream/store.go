// Package upstream holds the upstreams of a stage: the external issuers with accounts that
// users may sign in with. Package relying redirects the browser there and verifies the
// answer.
//
// # Upstreams
//
// An upstream is an issuer of OpenID Connect, Google, or GitHub, which has OAuth 2.0 and an
// API instead. At an upstream Tipstaff is the client. The registry of a stage lists its
// upstreams. Package secrets holds our client secrets there.
//
// # Accounts
//
// The issuer and the subject that it assigned identify an external account, and nothing else
// does. A mail address does not: at many issuers an attacker can enter the address of
// another user. Package external maps an account to a user here.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// TTL is how long a [Store] uses what it read.
const TTL = 30 * time.Second

var (
	// ErrUnknown is returned when there is no upstream of that id.
	ErrUnknown = errors.New("no such upstream")
	// ErrDisabled is returned when the upstream exists and is disabled.
	ErrDisabled = errors.New("upstream is disabled")
)

// Upstream is an external issuer. The callers of a [Store] share the value that it returns and
// must not change it.
type Upstream struct {
	// ID names it in the path of its callback.
	ID string
	// Name is for display: "Sign in with <Name>".
	Name string
	// Type is TypeOIDC, TypeGoogle or TypeGitHub.
	Type string
	// Issuer is compared byte by byte with the iss of the upstream. For TypeGitHub it is
	// the base URL of the server.
	Issuer string
	// ClientID is our client id at the upstream.
	ClientID string
	// Scopes are the scopes that we request.
	Scopes []string
	// FirstSignIn is FirstInvitation, FirstCreate or FirstDomains.
	FirstSignIn string
	// Domains are the domains of FirstDomains, in lower case. See Admits.
	Domains []string
	// Disabled upstreams sign no user in. The accounts stay linked.
	Disabled bool
	// Revision counts the writes of this upstream, from 1.
	Revision int64
}

// Store reads the upstreams from the registry table, all at once, and caches them for [TTL].
// So an added, changed or disabled one is treated as before for that time. Requests for
// unknown ids cause no additional reads. The size of the cache is bounded, because the
// registry bounds what operators write.
//
// A Store is safe for concurrent use and must not be copied. It makes one read at a time.
type Store struct {
	DB *dynamodb.Client
	// Registry is the physical name of the table.
	Registry string
	Now      func(context.Context) time.Time

	mu   sync.Mutex
	held []stored
	read time.Time // zero: never
}

// stored is an upstream, or the error of its item. An unreadable item affects neither other
// upstreams nor other ways to sign in.
type stored struct {
	id       string
	upstream *Upstream
	err      error
}

// List returns the upstreams that users may sign in with, in order of their ids. It omits
// disabled and unreadable ones.
func (s *Store) List(ctx context.Context) ([]*Upstream, error) {
	held, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	var all []*Upstream
	for _, h := range held {
		if h.err == nil && !h.upstream.Disabled {
			all = append(all, h.upstream)
		}
	}
	return all, nil
}

// All returns every upstream, disabled or not, for operators. An unreadable one is an error.
func (s *Store) All(ctx context.Context) ([]*Upstream, error) {
	held, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	var all []*Upstream
	for _, h := range held {
		if h.err != nil {
			return nil, h.err
		}
		all = append(all, h.upstream)
	}
	return all, nil
}

// Get returns an upstream that users may sign in with. The error is [ErrUnknown],
// [ErrDisabled], that of its item, or that of the read. Only with [ErrDisabled] the upstream
// is returned with the error, for its name.
func (s *Store) Get(ctx context.Context, id string) (*Upstream, error) {
	held, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(held, func(h stored) bool { return h.id == id })
	switch {
	case i < 0:
		return nil, ErrUnknown
	case held[i].err != nil:
		return nil, held[i].err
	case held[i].upstream.Disabled:
		return held[i].upstream, fmt.Errorf("%s: %w", id, ErrDisabled)
	}
	return held[i].upstream, nil
}

// all returns all stored upstreams, with one consistent query if the cache is not fresh.
func (s *Store) all(ctx context.Context) ([]stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Before the read, so that no value is older than its time stamp.
	now := s.Now(ctx)
	// A time stamp from the future is stale too: the clock was set back.
	if age := now.Sub(s.read); !s.read.IsZero() && age >= 0 && age < TTL {
		return s.held, nil
	}
	held, err := s.query(ctx)
	if err != nil {
		return nil, err
	}
	s.held, s.read = held, now
	return held, nil
}

func (s *Store) query(ctx context.Context) ([]stored, error) {
	pages := dynamodb.NewQueryPaginator(s.DB, &dynamodb.QueryInput{
		TableName: &s.Registry, ConsistentRead: new(true),
		KeyConditionExpression:    new("pk = :upstreams"),
		ExpressionAttributeValues: dynamo.Item{":upstreams": dynamo.Text(PK)},
	})
	var all []stored
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the upstreams from the registry: %w", err)
		}
		for _, it := range page.Items {
			u, err := Decode(it)
			all = append(all, stored{id: dynamo.Item(it).Text(attrID), upstream: u, err: err})
		}
	}
	return all, nil
}
