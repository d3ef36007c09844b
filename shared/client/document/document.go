// Package document keeps what was found at the URLs of clients that describe
// themselves by a document (OAuth Client ID Metadata Document).
//
// The id of such a client is the URL of a JSON document at its own origin.
// Fetching it means to call whatever server a stranger names, so one function
// does that and nothing else, with access to one table of its own. It leaves
// there what it found. The other functions read the table, and where they find
// nothing fresh they ask that function by HTTP, as anybody may.
//
// What was found stays fresh for as long as its server says, between MinFresh
// and MaxFresh. That there is no such client, or no answer, is remembered for a
// minute only. While a server is down, the last document that it served counts
// for MaxStale: an outage of somebody else's host signs nobody out.
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
	// MinFresh is how long a document is believed at least.
	MinFresh = 5 * time.Minute
	// MaxFresh is how long it is believed at most.
	MaxFresh = 24 * time.Hour
	// RetryAfter is how long it is believed that there is no document.
	RetryAfter = time.Minute
	// MaxStale is how long after its last fetch a document counts that cannot
	// be fetched again.
	MaxStale = 24 * time.Hour
	// PerHost is how many fetches a minute a host has to bear.
	PerHost = 10
)

// Cached is what is known of the document at a URL.
type Cached struct {
	// Metadata is that of the document, nil when there is none that counts.
	Metadata *metadata.Metadata
	// Fetched is when the document was fetched, zero when there is none.
	Fetched time.Time
	// Until is when to look again.
	Until time.Time
	// Problem says in a sentence what is wrong, empty when nothing is. With
	// Metadata it says why that could not be fetched again.
	Problem string
	// Temporary says that the problem lies with the server or the way to it,
	// and not in the document.
	Temporary bool
}

// Found is the entry of a document that was just fetched and counts. Its server
// allows it to be kept for maxAge, which is negative when it says nothing.
func Found(m *metadata.Metadata, now time.Time, maxAge time.Duration) *Cached {
	return &Cached{Metadata: m, Fetched: now, Until: now.Add(min(max(maxAge, MinFresh), MaxFresh))}
}

// Refused is the entry of a URL at which there is no document that counts.
func Refused(problem string, now time.Time) *Cached {
	return &Cached{Problem: problem, Until: now.Add(RetryAfter)}
}

// Unreachable is the entry of a document that cannot be fetched at the moment.
// What was known before, if anything, goes on to count.
func Unreachable(before *Cached, problem string, now time.Time) *Cached {
	e := &Cached{Problem: problem, Temporary: true, Until: now.Add(RetryAfter)}
	if before != nil && before.Metadata != nil && now.Sub(before.Fetched) < MaxStale {
		e.Metadata, e.Fetched = before.Metadata, before.Fetched
	}
	return e
}

// Fresh reports whether the entry need not be looked up again. One from the
// future is not fresh: a clock was set back.
func (e *Cached) Fresh(now time.Time) bool {
	return now.Before(e.Until) && e.Until.Sub(now) <= MaxFresh
}

// RefusedError says that there is no client at a URL, and why, in a sentence for
// its developer. It is client.ErrUnknown.
type RefusedError struct{ Problem string }

func (e *RefusedError) Error() string { return "client metadata document: " + e.Problem }

func (e *RefusedError) Unwrap() error { return client.ErrUnknown }

// Client returns the client with the URL as its id, or a *RefusedError, or an
// error that may go away.
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

// Store is the table of entries.
type Store struct {
	DB    *dynamodb.Client
	Table string
	Now   func(context.Context) time.Time
}

// Get returns the entry of a URL, nil when there is none.
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

// Put replaces the entry of a URL. Of two at once the later write stays.
func (s *Store) Put(ctx context.Context, url string, e *Cached) error {
	if _, err := s.DB.UpdateItem(ctx, dynamo.UpdateInput(s.Table, entryKey(url), encode(e))); err != nil {
		return fmt.Errorf("keep the document of a client: %w", err)
	}
	return nil
}

// LimitError says that a host has been called often enough for now.
type LimitError struct {
	// RetryAfter is when it may be called again.
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
