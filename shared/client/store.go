package client

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// DefaultTTL is how long a [Store] uses a cached value.
const DefaultTTL = 30 * time.Second

var (
	// ErrUnknown is returned when the registry has no item with that id.
	ErrUnknown = errors.New("not registered")
	// ErrSecret is returned when the secret is not a live one of the client.
	ErrSecret = errors.New("wrong client secret")
	// ErrDisabled is returned when the credentials are right and the client is
	// disabled.
	ErrDisabled = errors.New("client is disabled")
)

// Store reads clients and resources from the registry table, with consistent
// reads, and caches them. A changed, disabled or removed client therefore works
// as before for up to TTL. Absence is never cached.
//
// A Store is safe for concurrent use and must not be copied.
type Store struct {
	DB    *dynamodb.Client
	Table string
	Now   func(context.Context) time.Time
	// TTL is how long a cached value is used. Zero means [DefaultTTL].
	TTL time.Duration
	// Documents returns the client that a metadata document describes. The URL
	// of the document is the client's id. The error matches ErrUnknown when there
	// is no such client. Nil means that the stage has no such clients.
	Documents func(ctx context.Context, url string) (*Client, error)
	// Registered returns the client that registered itself and got this id. The
	// error matches ErrUnknown when there is none. Nil is as in Documents.
	Registered func(ctx context.Context, id string) (*Client, error)

	clients   cache[*Client]
	resources cache[*Resource]
	// documents is a separate cache. An attacker who publishes many documents
	// can push out other documents, and nothing of the registry.
	documents cache[*Client]
}

// documentPrefix begins the id of a client with a metadata document.
const documentPrefix = "https://"

// Client returns the client of that id, disabled or not, or [ErrUnknown]. The form
// of its id shows that a client registered itself. Such a client is not in the
// registry.
func (s *Store) Client(ctx context.Context, id string) (*Client, error) {
	switch {
	case strings.HasPrefix(id, documentPrefix):
		return s.described(ctx, id)
	case strings.HasPrefix(id, string(opaque.RegisteredClient)):
		if s.Registered == nil {
			return nil, fmt.Errorf("a client that registered itself: %w", ErrUnknown)
		}
		return s.Registered(ctx, id)
	}
	if c, ok := s.clients.get(id, s.Now(ctx), s.ttl()); ok {
		return c, nil
	}
	return s.readClient(ctx, id)
}

// described returns the client of a metadata document, cached like other clients.
func (s *Store) described(ctx context.Context, url string) (*Client, error) {
	if s.Documents == nil {
		return nil, fmt.Errorf("a client with a metadata document: %w", ErrUnknown)
	}
	now := s.Now(ctx)
	if c, ok := s.documents.get(url, now, s.ttl()); ok {
		return c, nil
	}
	c, err := s.Documents(ctx, url)
	if err != nil {
		s.documents.drop(url)
		return nil, err
	}
	s.documents.put(url, c, now)
	return c, nil
}

// Resource returns the resource of that id, or [ErrUnknown]. The id is as
// [NormalizeResource] returns it. [API] needs no call.
func (s *Store) Resource(ctx context.Context, id string) (*Resource, error) {
	if id == API {
		return OwnAPI(), nil
	}
	if r, ok := s.resources.get(id, s.Now(ctx), s.ttl()); ok {
		return r, nil
	}
	if id == "" || len(id) > maxResource {
		return nil, fmt.Errorf("resource: %w", ErrUnknown)
	}
	return read(ctx, s, &s.resources, id, ResourceKey(id), DecodeResource)
}

// Authenticate returns the client of that id if the secret is a live one of it.
// Otherwise the error is [ErrUnknown], [ErrSecret], [ErrDisabled], or that of a
// failed read.
//
// A success against the cache makes no call. Any other outcome is decided by one
// fresh read, so that a rotated secret works at once and an unknown client costs
// the same as a wrong secret. Authenticate refuses without a read only an id or a
// secret that no client can have, such as one of ours with a wrong checksum.
func (s *Store) Authenticate(ctx context.Context, id, secret string) (*Client, error) {
	if !Plausible(secret) {
		return nil, fmt.Errorf("client secret is malformed: %w", ErrSecret)
	}
	presented := HashSecret(secret).SHA256
	if c, ok := s.clients.get(id, s.Now(ctx), s.ttl()); ok && s.admits(ctx, c, presented) == nil {
		return c, nil
	}
	c, err := s.readClient(ctx, id)
	if errors.Is(err, ErrUnknown) {
		// The same work as for a client that exists.
		_ = s.admits(ctx, &Client{}, presented)
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	if err := s.admits(ctx, c, presented); err != nil {
		return nil, fmt.Errorf("client %s: %w", id, err)
	}
	return c, nil
}

// admits compares in constant time with as many secrets as a client can have, even
// if the client has fewer.
func (s *Store) admits(ctx context.Context, c *Client, presented [32]byte) error {
	now := s.Now(ctx)
	admitted := 0
	for i := range MaxSecrets {
		var kept Secret
		live := 0
		if i < len(c.Secrets) {
			kept = c.Secrets[i]
			if kept.NotAfter.IsZero() || now.Before(kept.NotAfter) {
				live = 1
			}
		}
		admitted |= live & subtle.ConstantTimeCompare(kept.SHA256[:], presented[:])
	}
	if admitted == 0 {
		return ErrSecret
	}
	if c.Disabled {
		return ErrDisabled
	}
	return nil
}

func (s *Store) readClient(ctx context.Context, id string) (*Client, error) {
	if !ValidID(id) || strings.HasPrefix(id, string(opaque.RegisteredClient)) {
		return nil, fmt.Errorf("client id is none of the registry: %w", ErrUnknown)
	}
	return read(ctx, s, &s.clients, id, ClientKey(id), DecodeClient)
}

// read gets one item and caches it. It is a function because a method cannot
// have a type parameter.
func read[V any](
	ctx context.Context, s *Store, into *cache[V], id string,
	key dynamo.Item, decode func(dynamo.Item) (V, error),
) (V, error) {
	var none V
	// Before the call, so that a value is never older than its time stamp.
	now := s.Now(ctx)
	yes := true
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Table, Key: key, ConsistentRead: &yes})
	if err != nil {
		return none, fmt.Errorf("read %s from the registry: %w", id, err)
	}
	if len(out.Item) == 0 {
		into.drop(id)
		return none, fmt.Errorf("%s: %w", id, ErrUnknown)
	}
	value, err := decode(out.Item)
	if err != nil {
		return none, err
	}
	into.put(id, value, now)
	return value, nil
}

func (s *Store) ttl() time.Duration {
	if s.TTL == 0 {
		return DefaultTTL
	}
	return s.TTL
}
