package jwks_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/jwks"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

func fetch(h http.Handler) routetest.Answer {
	return routetest.Do(h, httptest.NewRequest("GET", "/jwks", nil))
}

func TestKeySet(t *testing.T) {
	s := routetest.New(t)
	route := s.Route(contract.JWKS, &jwks.Handler{Keys: s.Published()})
	got := fetch(route)
	if got.Status != 200 || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Fatalf("answer = %d %v %s", got.Status, got.Header, got.Body)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(got.Body), &set); err != nil || len(set.Keys) != 4 {
		t.Fatalf("set = %s, %v, want active and next for two algorithms", got.Body, err)
	}
	for _, k := range set.Keys {
		if !k.Valid() || !k.IsPublic() || k.KeyID == "" || k.Use != "sig" {
			t.Errorf("key = %+v", k)
		}
	}
	again := fetch(s.Route(contract.JWKS, &jwks.Handler{Keys: s.Published()}))
	if again.Body != got.Body || again.Header.Get("ETag") != got.Header.Get("ETag") {
		t.Error("two functions serve two spellings of one set")
	}
}

// A key is published before it signs, and goes when nothing needs it.
func TestRotation(t *testing.T) {
	s := routetest.New(t)
	route := s.Route(contract.JWKS, &jwks.Handler{Keys: s.Published()})
	old, _ := s.Document.Active(oauth.ES256)
	s.Time = s.Time.Add(keys.CacheLife)
	next, err := s.Document.Advance(s.Time)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(next)
	has := func(kid string) bool {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(fetch(route).Body), &set); err != nil {
			t.Fatal(err)
		}
		return len(set.Key(kid)) == 1
	}
	if !has(old.ID) {
		t.Error("the old key left when it stopped signing")
	}
	s.Time = s.Time.Add(keys.StaleLife + keys.MaxTokenLife + keys.CacheLife)
	if has(old.ID) {
		t.Error("the old key stays after its last token has expired everywhere")
	}
	if signs, _ := next.Active(oauth.ES256); !has(signs.ID) {
		t.Error("the key that signs is not published")
	}
}

// A stage without keys is not ready; an empty set would be cached.
func TestNoKeys(t *testing.T) {
	s := routetest.New(t)
	empty := s.Published()
	empty.Table = s.Table(contract.Sessions)
	got := fetch(s.Route(contract.JWKS, &jwks.Handler{Keys: empty}))
	if got.Status != 503 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer = %d %s %v, want 503", got.Status, got.Body, got.Header)
	}
}

// An outage of the table is not visible to clients for as long as the keys are fresh.
func TestOutage(t *testing.T) {
	s := routetest.New(t)
	store := s.Published()
	route := s.Route(contract.JWKS, &jwks.Handler{Keys: store})
	if got := fetch(route); got.Status != 200 {
		t.Fatalf("answer = %d", got.Status)
	}
	store.Table = "no-such-table"
	if got := fetch(route); got.Status != 200 {
		t.Errorf("answer within a minute = %d, want 200", got.Status)
	}
	s.Time = s.Time.Add(2 * time.Minute)
	if got := fetch(route); got.Status != 200 {
		t.Errorf("answer in an outage = %d %s, want the keys held", got.Status, got.Body)
	}
	s.Time = s.Time.Add(time.Hour)
	if got := fetch(route); got.Status != 503 {
		t.Errorf("answer after an hour of outage = %d, want 503", got.Status)
	}
}
