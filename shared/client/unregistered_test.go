package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

const documentID = "https://app.example.com/client.json"

// The form of its id shows that a client registered itself. It is never looked up
// in the registry.
func TestSelfRegisteredClientIsNotLookedUpInTheRegistry(t *testing.T) {
	b := newBench(t)
	documents, ids := 0, 0
	b.Documents = func(_ context.Context, url string) (*client.Client, error) {
		documents++
		return &client.Client{ID: url, SelfRegistered: true}, nil
	}
	b.Registered = func(_ context.Context, id string) (*client.Client, error) {
		ids++
		if id != "tsd_good" {
			return nil, fmt.Errorf("forged: %w", client.ErrUnknown)
		}
		return &client.Client{ID: id, SelfRegistered: true}, nil
	}
	for range 3 {
		if c, err := b.Client(t.Context(), documentID); err != nil || c.ID != documentID {
			t.Errorf("Client(%q) = %+v, %v", documentID, c, err)
		}
	}
	if documents != 1 {
		t.Errorf("the document was asked for %d times within %s, want once", documents, client.DefaultTTL)
	}
	b.now = b.now.Add(client.DefaultTTL)
	if _, err := b.Client(t.Context(), documentID); err != nil || documents != 2 {
		t.Errorf("after %s: %v, asked for %d times, want twice", client.DefaultTTL, err, documents)
	}
	if c, err := b.Client(t.Context(), "tsd_good"); err != nil || c.ID != "tsd_good" {
		t.Errorf("Client(tsd_good) = %+v, %v", c, err)
	}
	for _, id := range []string{"tsd_", "tsd_bad", "tsd_good "} {
		if c, err := b.Client(t.Context(), id); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("Client(%q) = %+v, %v, want ErrUnknown", id, c, err)
		}
	}
	if ids != 4 {
		t.Errorf("%d ids were verified, want each of 4", ids)
	}
	if n := b.calls.Load(); n != 0 {
		t.Errorf("%d calls to the registry, want none", n)
	}
}

// An unknown id is looked up again each time, and no old value is returned.
func TestRemovedDocumentIsNoLongerAClient(t *testing.T) {
	b := newBench(t)
	var gone error
	b.Documents = func(_ context.Context, url string) (*client.Client, error) {
		if gone != nil {
			return nil, gone
		}
		return &client.Client{ID: url}, nil
	}
	if _, err := b.Client(t.Context(), documentID); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Hour)
	gone = client.ErrUnknown
	if c, err := b.Client(t.Context(), documentID); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("Client = %+v, %v, want ErrUnknown", c, err)
	}
	b.now = b.now.Add(-time.Hour) // whatever the clock says
	if c, err := b.Client(t.Context(), documentID); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("Client = %+v, %v, want ErrUnknown", c, err)
	}
	gone = nil
	if _, err := b.Client(t.Context(), documentID); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// A stage without such clients returns ErrUnknown for them and accepts no secret.
func TestStageWithoutSelfRegisteredClientsKnowsNone(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{documentID, "tsd_good", "https://", "tsd_"} {
		if c, err := b.Client(t.Context(), id); !errors.Is(err, client.ErrUnknown) {
			t.Errorf("Client(%q) = %+v, %v, want ErrUnknown", id, c, err)
		}
		b.authenticate(t, id, client.NewSecret(), client.ErrUnknown, 0)
	}
	b.Documents = func(_ context.Context, url string) (*client.Client, error) {
		return &client.Client{ID: url, AuthMethods: []string{oauth.AuthNone}}, nil
	}
	b.Registered = b.Documents
	for _, id := range []string{documentID, "tsd_good"} {
		b.authenticate(t, id, client.NewSecret(), client.ErrUnknown, 0)
	}
}

func TestRedirectOrigins(t *testing.T) {
	for _, tt := range []struct {
		uri, origin string
		loopback    bool
	}{
		{"https://app.example.com/cb?x=1", "https://app.example.com", false},
		{"https://app.example.com", "https://app.example.com", false},
		{"https://app.example.com:8443?x", "https://app.example.com:8443", false},
		{"http://localhost:3000/cb", "http://localhost:3000", true},
		{"http://127.0.0.1/", "http://127.0.0.1", true},
		{"http://[::1]:9/cb", "http://[::1]:9", true},
		{"https://localhost/cb", "https://localhost", false},
		{"com.example.app:/cb", "", false},
		{"com.example.app://localhost/cb", "", false},
	} {
		if err := client.CheckRedirect(tt.uri); err != nil {
			t.Errorf("CheckRedirect(%q) = %v", tt.uri, err)
		}
		if got := client.RedirectOrigin(tt.uri); got != tt.origin {
			t.Errorf("RedirectOrigin(%q) = %q, want %q", tt.uri, got, tt.origin)
		}
		if got := client.LoopbackRedirect(tt.uri); got != tt.loopback {
			t.Errorf("LoopbackRedirect(%q) = %t, want %t", tt.uri, got, tt.loopback)
		}
	}
}
