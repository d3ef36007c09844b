// Package document caches the metadata documents of clients that describe
// themselves at a URL (OAuth Client ID Metadata Document).
//
// # Who fetches
//
// The id of such a client is the URL of a JSON document at its own origin. A
// fetch calls a server that an unauthenticated request names. So one function
// does that and nothing else. It has access to one table only, where it stores
// the result. The other functions read the table with a [Reader]. Where they find
// no fresh entry they ask that function by HTTP, which any client may do.
//
// # Freshness
//
// An entry stays fresh for as long as its server allows, between [MinFresh] and
// [MaxFresh]. A missing or unreachable document is cached for [RetryAfter] only.
// While a server is down, the last document that it served counts for
// [MaxStale], so an outage at the client's host ends no session.
package document

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

const (
	// MinFresh is the shortest time for which a document is cached.
	MinFresh = 5 * time.Minute
	// MaxFresh is the longest time for which a document is cached.
	MaxFresh = 24 * time.Hour
	// RetryAfter is how long a failed lookup is cached.
	RetryAfter = time.Minute
	// MaxStale is how long after its last fetch a document counts when the next
	// fetch fails.
	MaxStale = 24 * time.Hour
	// PerHost is the limit of fetches per minute from one host.
	PerHost = 10
)

// Cached is the entry of a URL.
type Cached struct {
	// Metadata is the content of the document, nil when there is no valid one.
	Metadata *metadata.Metadata
	// Fetched is when the document was fetched. It is zero when there is none.
	Fetched time.Time
	// Until is when to fetch again.
	Until time.Time
	// Problem is a sentence about what is wrong, empty when nothing is. If
	// Metadata is set, it is why the last fetch failed.
	Problem string
	// Temporary reports that the cause of Problem is the server or the
	// network, and not the document.
	Temporary bool
}

// Found returns the entry of a document that was just fetched and is valid. Its
// server allows caching for maxAge, which is negative when the server sends none.
func Found(m *metadata.Metadata, now time.Time, maxAge time.Duration) *Cached {
	return &Cached{Metadata: m, Fetched: now, Until: now.Add(min(max(maxAge, MinFresh), MaxFresh))}
}

// Refused returns the entry of a URL without a valid document.
func Refused(problem string, now time.Time) *Cached {
	return &Cached{Problem: problem, Until: now.Add(RetryAfter)}
}

// Unreachable returns the entry of a document that cannot be fetched now. The
// previous entry, if any, continues to count until [MaxStale].
func Unreachable(before *Cached, problem string, now time.Time) *Cached {
	e := &Cached{Problem: problem, Temporary: true, Until: now.Add(RetryAfter)}
	if before != nil && before.Metadata != nil && now.Sub(before.Fetched) < MaxStale {
		e.Metadata, e.Fetched = before.Metadata, before.Fetched
	}
	return e
}

// Fresh reports whether the entry needs no new fetch. An entry from the future is
// not fresh: the clock was set back.
func (e *Cached) Fresh(now time.Time) bool {
	return now.Before(e.Until) && e.Until.Sub(now) <= MaxFresh
}

// RefusedError is returned when a URL has no valid document. Problem tells the
// client's developer why. It matches client.ErrUnknown.
type RefusedError struct{ Problem string }

func (e *RefusedError) Error() string { return "client metadata document: " + e.Problem }

func (e *RefusedError) Unwrap() error { return client.ErrUnknown }

// Client returns the client with the URL as its id. It returns a *RefusedError
// when there is no such client, and another error when a retry may succeed.
func (e *Cached) Client(url string, now time.Time) (*client.Client, error) {
	switch {
	case e.Metadata != nil && (!e.Temporary || now.Sub(e.Fetched) < MaxStale):
		return e.Metadata.Client(url), nil
	case e.Temporary:
		return nil, fmt.Errorf("client metadata document: %s", e.Problem)
	default:
		return nil, &RefusedError{Problem: e.Problem}
	}
}

// Store reads and writes the table of entries.
type Store struct {
	DB    *dynamodb.Client
	Table string
	Now   func(context.Context) time.Time
}

// Get returns the entry of a URL, or nil when there is none.
func (s *Store) Get(ctx context.Context, url string) (*Cached, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Table, Key: entryKey(url), ConsistentRead: new(true)})
	if err != nil {
		return nil, fmt.Errorf("read the document of a client: %w", err)
	}
	if len(out.Item) == 0 {
		return nil, nil
	}
	return decode(out.Item)
}

// Put replaces the entry of a URL. Of two concurrent writes the later one stays.
func (s *Store) Put(ctx context.Context, url string, e *Cached) error {
	if _, err := s.DB.UpdateItem(ctx, dynamo.UpdateInput(s.Table, entryKey(url), encode(e))); err != nil {
		return fmt.Errorf("keep the document of a client: %w", err)
	}
	return nil
}

// LimitError is returned when a host has reached its limit of fetches.
type LimitError struct {
	// RetryAfter is the time until the next fetch is allowed.
	RetryAfter time.Duration
}

func (e *LimitError) Error() string { return "the host is fetched from too often" }

// Wait is how long to wait, for the shared steps of package httpapi.
func (e *LimitError) Wait() time.Duration { return e.RetryAfter }

// Reserve counts a fetch from a host ahead of it, or returns a *LimitError.
func (s *Store) Reserve(ctx context.Context, host string) error {
	now := s.Now(ctx)
	next := now.Truncate(time.Minute).Add(time.Minute)
	_, err := s.DB.UpdateItem(ctx, dynamo.UpdateInput(s.Table, hostKey(host, next),
		dynamo.Changes{Set: dynamo.Item{attrTTL: dynamo.Seconds(next.Add(time.Minute))}, Raise: []string{attrCount}},
		dynamo.Any(dynamo.Absent(attrCount), dynamo.Less(attrCount, dynamo.Number(PerHost)))))
	if _, ok := asConditionFailed(err); ok {
		return &LimitError{RetryAfter: next.Sub(now)}
	}
	if err != nil {
		return fmt.Errorf("count a fetch: %w", err)
	}
	return nil
}
