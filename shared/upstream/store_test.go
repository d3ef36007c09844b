package upstream_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// shelf is a store over a real table, with a clock and a counter of calls.
type shelf struct {
	*upstream.Store
	raw   *dynamodb.Client
	calls atomic.Int64
	down  atomic.Bool
	now   atomic.Int64 // seconds
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	raw, name := enginetest.DB(t)
	s := &shelf{raw: raw}
	s.now.Store(1_800_000_000)
	counted := dynamodb.New(raw.Options(), func(o *dynamodb.Options) {
		o.HTTPClient = watched{o.HTTPClient, s}
		o.RetryMaxAttempts = 1
	})
	s.Store = &upstream.Store{
		DB: counted, Registry: name(contract.Registry), Now: func(context.Context) time.Time { return time.Unix(s.now.Load(), 0) },
	}
	return s
}

type watched struct {
	next aws.HTTPClient
	s    *shelf
}

func (w watched) Do(r *http.Request) (*http.Response, error) {
	w.s.calls.Add(1)
	if w.s.down.Load() {
		return nil, errors.New("down")
	}
	return w.next.Do(r)
}

func (s *shelf) put(t *testing.T, it dynamo.Item) {
	t.Helper()
	if _, err := s.raw.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.Registry, Item: it}); err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) ids(t *testing.T) []string {
	t.Helper()
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, u := range all {
		ids = append(ids, u.ID)
	}
	return ids
}

func google() *upstream.Upstream {
	return &upstream.Upstream{
		ID: "google", Name: "Google", Type: upstream.TypeGoogle, Issuer: upstream.GoogleIssuer, ClientID: "1.apps",
		Scopes: []string{"openid", "email"}, FirstSignIn: upstream.FirstDomains, Domains: []string{"example.com"}, Revision: 2,
	}
}

func gitHub() *upstream.Upstream {
	return &upstream.Upstream{
		ID: "github", Name: "GitHub", Type: upstream.TypeGitHub, Issuer: upstream.GitHubIssuer, ClientID: "Iv1",
		FirstSignIn: upstream.FirstInvitation, Disabled: true, Revision: 1,
	}
}

func TestStore(t *testing.T) {
	s := newShelf(t)
	s.put(t, upstream.Encode(google()))
	s.put(t, upstream.Encode(gitHub()))
	if ids := s.ids(t); !reflect.DeepEqual(ids, []string{"google"}) {
		t.Errorf("List = %v, want google alone: GitHub is disabled", ids)
	}
	if u, err := s.Get(t.Context(), "google"); err != nil || !reflect.DeepEqual(u, google()) {
		t.Errorf("Get(google) = %+v, %v, want %+v", u, err, google())
	}
	if u, err := s.Get(t.Context(), "github"); !errors.Is(err, upstream.ErrDisabled) || u == nil || u.Name != "GitHub" {
		t.Errorf("Get(github) = %+v, %v, want ErrDisabled and its name", u, err)
	}
	for _, id := range []string{"", "gitlab", "upstream#google", "Google"} {
		if u, err := s.Get(t.Context(), id); !errors.Is(err, upstream.ErrUnknown) || u != nil {
			t.Errorf("Get(%q) = %v, %v, want ErrUnknown", id, u, err)
		}
	}
	all, err := s.All(t.Context())
	if err != nil || len(all) != 2 || all[0].ID != "github" || !all[0].Disabled {
		t.Errorf("All = %v, %v, want both in order of their ids", all, err)
	}
	if n := s.calls.Load(); n != 1 {
		t.Errorf("all of this made %d calls, want 1: guessed ids cost nothing", n)
	}
}

// A change is seen after 30 seconds, and when the clock was set back.
func TestChangeIsSeenAfterTTL(t *testing.T) {
	s := newShelf(t)
	if ids := s.ids(t); len(ids) != 0 {
		t.Errorf("List of an empty registry = %v, want none", ids)
	}
	s.put(t, upstream.Encode(google()))
	s.now.Add(29)
	if ids := s.ids(t); len(ids) != 0 || s.calls.Load() != 1 {
		t.Errorf("List after 29 s = %v with %d calls, want what was there and one call", ids, s.calls.Load())
	}
	s.now.Add(1)
	if ids := s.ids(t); len(ids) != 1 || s.calls.Load() != 2 {
		t.Errorf("List after 30 s = %v with %d calls, want google and two calls", ids, s.calls.Load())
	}
	s.now.Add(-3600)
	off := google()
	off.Disabled = true
	s.put(t, upstream.Encode(off))
	if ids := s.ids(t); len(ids) != 0 {
		t.Errorf("List after the clock was set back = %v, want what is there now", ids)
	}
}

// When the table cannot be read, an expired cache signs no user in, and the next request
// reads again.
func TestOutageSignsNoUserIn(t *testing.T) {
	s := newShelf(t)
	s.put(t, upstream.Encode(google()))
	s.ids(t)
	s.now.Add(30)
	s.down.Store(true)
	if all, err := s.List(t.Context()); err == nil {
		t.Errorf("List = %v, want an error", all)
	}
	if u, err := s.Get(t.Context(), "google"); err == nil || errors.Is(err, upstream.ErrUnknown) {
		t.Errorf("Get = %v, %v, want an error other than ErrUnknown", u, err)
	}
	if all, err := s.All(t.Context()); err == nil {
		t.Errorf("All = %v, want an error", all)
	}
	s.down.Store(false)
	if ids := s.ids(t); len(ids) != 1 {
		t.Errorf("List after the outage = %v, want google", ids)
	}
}

// An unreadable upstream signs no user in and does not affect the others.
func TestUnreadableUpstreamDoesNotAffectOthers(t *testing.T) {
	s := newShelf(t)
	s.put(t, upstream.Encode(google()))
	broken := upstream.Encode(gitHub())
	broken["first_sign_in"] = dynamo.Text("everybody")
	delete(broken, "disabled")
	s.put(t, broken)
	if ids := s.ids(t); !reflect.DeepEqual(ids, []string{"google"}) {
		t.Errorf("List = %v, want google", ids)
	}
	const says = `upstream "github" in the registry: attribute first_sign_in is not what it should be`
	if u, err := s.Get(t.Context(), "github"); err == nil || err.Error() != says {
		t.Errorf("Get = %v, %v, want %s", u, err, says)
	}
	if all, err := s.All(t.Context()); err == nil {
		t.Errorf("All = %v, want an operator to see what is broken", all)
	}
}

// Concurrent requests of one process make one read.
func TestConcurrentRequestsMakeOneRead(t *testing.T) {
	s := newShelf(t)
	s.put(t, upstream.Encode(google()))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := s.Get(t.Context(), "google"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.calls.Load(); n != 1 {
		t.Errorf("ten at once made %d calls, want 1", n)
	}
}
