// Package upstream knows the issuers elsewhere with whose accounts people may
// sign in here. Package relying goes there and finds out whose account it is.
//
// An upstream is such an issuer: any of OpenID Connect, Google, or GitHub, which
// has OAuth 2.0 and an API in its place. To it we are the client. Which upstreams
// a stage has stands in its registry, and our secrets at them in a secret of
// their own (package vault).
//
// An account elsewhere is known by its issuer and the subject that the issuer
// gave it, and by nothing else: a mail address is written down by whoever wants
// to be taken for its owner. Package linked knows whose account it is here.
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

// TTL is how long a Store believes what it read.
const TTL = 30 * time.Second

var (
	// ErrUnknown says that there is no upstream of that id.
	ErrUnknown = errors.New("no such upstream")
	// ErrDisabled says that the upstream is there and disabled.
	ErrDisabled = errors.New("upstream is disabled")
)

// Upstream is an issuer elsewhere. What a Store returns is shared by its callers
// and must not be changed.
type Upstream struct {
	// ID names it in the path of its callback.
	ID string
	// Name is what people read: "Sign in with <Name>".
	Name string
	// Type is TypeOIDC, TypeGoogle or TypeGitHub.
	Type string
	// Issuer is compared byte by byte with what the upstream says of itself. For
	// TypeGitHub it is the base URL of the server.
	Issuer string
	// ClientID is who we are there.
	ClientID string
	// Scopes are what we ask for.
	Scopes []string
	// FirstSignIn is FirstInvitation, FirstCreate or FirstDomains.
	FirstSignIn string
	// Domains are those of FirstDomains, in lower case; see Admits.
	Domains []string
	// Disabled upstreams let nobody in. The accounts stay linked.
	Disabled bool
	// Revision counts the writes of this upstream, from 1.
	Revision int64
}

// Store reads the upstreams from the registry table, all at once, and remembers
// them for TTL: one that is added, changed or disabled is therefore treated as
// before for so long. A stranger who asks for ids that do not exist makes no more
// reads than anybody else. What is remembered is as large as what operators wrote,
// which the registry bounds.
//
// A Store is safe for concurrent use and must not be copied. It makes one read at
// a time.
type Store struct {
	DB *dynamodb.Client
	// Registry is the physical name of the table.
	Registry string
	Now      func(context.Context) time.Time

	mu   sync.Mutex
	held []stored
	read time.Time // zero: never
}

// stored is an upstream, or what is wrong with its item: one that cannot be read
// takes nothing from the others, nor from those who sign in otherwise.
type stored struct {
	id       string
	upstream *Upstream
	err      error
}

// List returns the upstreams with which people may sign in, in order of their ids.
// Those that are disabled, or that cannot be read, are not among them.
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

// All returns every upstream, disabled or not, for operators. One that cannot be
// read is an error.
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

// Get returns an upstream with which people may sign in. The error is ErrUnknown,
// ErrDisabled, or what is wrong with it or with the read. Only with ErrDisabled
// there is an upstream beside the error, for its name.
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

// all returns everything that is stored, if need be with one consistent query.
func (s *Store) all(ctx context.Context) ([]stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Before the read, so that nothing is younger than it claims.
	now := s.Now(ctx)
	// What comes from the future is stale too: the clock was set back.
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
