package introspect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/introspect"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token"
)

const orders = "https://orders.example.com"

type fixture struct {
	*routetest.Stage
	secrets map[string]string // by client
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{Stage: routetest.New(t), secrets: map[string]string{}}
	for _, c := range []client.Client{
		{ID: "orders-api", Introspects: []string{orders}},
		{ID: "stranger-api", Introspects: []string{"https://other.example.com"}},
		{ID: "worker"},
		{ID: "disabled", Disabled: true},
	} {
		f.secrets[c.ID] = f.Register(c)
	}
	return f
}

// route returns a new function with an empty cache.
func (f *fixture) route() http.Handler {
	return f.Route(contract.Introspect, &introspect.Handler{
		Auth:   f.Auth(),
		Active: &bearer.Live{Guard: f.Bearer(), Clients: f.Clients(), Sessions: f.Sessions()},
		Now:    f.Now,
	})
}

func (f *fixture) mint(r token.Request) string {
	f.T.Helper()
	if r.Algorithm == "" {
		r.Algorithm = oauth.ES256
	}
	if r.ClientID == "" {
		r.ClientID = "worker"
	}
	r.Subject, r.Lifetime = r.ClientID, 5*time.Minute
	minted, err := f.Minter().Mint(context.Background(), r)
	if err != nil {
		f.T.Fatal(err)
	}
	return minted.Value
}

func (f *fixture) ask(as, presented string) routetest.Answer {
	return routetest.Post(f.route(), url.Values{"token": {presented}}, as, f.secrets[as])
}

func TestActive(t *testing.T) {
	f := newFixture(t)
	for _, alg := range keys.Algorithms {
		got := f.ask("orders-api", f.mint(token.Request{Audience: []string{orders, "https://b.example"}, Scope: "a b", Algorithm: alg}))
		if got.Status != 200 || got.JSON["active"] != true {
			t.Fatalf("%s: answer = %d %s, want active", alg, got.Status, got.Body)
		}
		for name, want := range map[string]any{"scope": "a b", "client_id": "worker", "sub": "worker", "iss": routetest.Issuer, "token_type": "Bearer"} {
			if got.JSON[name] != want {
				t.Errorf("%s = %v, want %v", name, got.JSON[name], want)
			}
		}
		for _, name := range []string{"exp", "iat", "jti", "aud"} {
			if got.JSON[name] == nil {
				t.Errorf("answer %s lacks %s", got.Body, name)
			}
		}
		if cc := got.Header.Get("Cache-Control"); cc != "private, max-age=10" {
			t.Errorf("Cache-Control = %q, want private, max-age=10", cc)
		}
	}
}

// A caller that may not know a token learns that it is not active, and no more.
func TestInactive(t *testing.T) {
	f := newFixture(t)
	good := f.mint(token.Request{Audience: []string{orders}})
	tests := []struct{ name, as, token string }{
		{"stranger's resource", "stranger-api", good},
		{"client that introspects nothing", "worker", good},
		{"audience is a prefix", "orders-api", f.mint(token.Request{Audience: []string{orders + ".evil.example"}})},
		{"disabled client", "orders-api", f.mint(token.Request{Audience: []string{orders}, ClientID: "disabled"})},
		{"client that is gone", "orders-api", f.mint(token.Request{Audience: []string{orders}, ClientID: "gone"})},
		{"truncated", "orders-api", good[:len(good)-2]},
		{"upper case", "orders-api", strings.ToUpper(good)},
		{"garbage", "orders-api", "garbage"},
		{"a client secret", "orders-api", f.secrets["worker"]},
		{"JSON", "orders-api", `{"active":true}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := f.ask(tt.as, tt.token)
			if got.Status != 200 || got.Body != `{"active":false}` {
				t.Errorf("answer = %d %s, want {\"active\":false}", got.Status, got.Body)
			}
			if cc := got.Header.Get("Cache-Control"); cc != "no-store" {
				t.Errorf("Cache-Control = %q, want no-store", cc)
			}
		})
	}
}

func TestExpired(t *testing.T) {
	f := newFixture(t)
	value := f.mint(token.Request{Audience: []string{orders}})
	expires, _ := f.ask("orders-api", value).JSON["exp"].(float64)
	f.Time = time.Unix(int64(expires), 0).Add(-3 * time.Second)
	if got := f.ask("orders-api", value); got.JSON["active"] != true || got.Header.Get("Cache-Control") != "private, max-age=3" {
		t.Errorf("3 s before expiry: %s, %s", got.Body, got.Header.Get("Cache-Control"))
	}
	f.Time = f.Time.Add(3 * time.Second)
	if got := f.ask("orders-api", value); got.JSON["active"] != false {
		t.Errorf("at expiry: %s", got.Body)
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t)
	tests := []struct {
		name, as, secret string
		form             url.Values
		status           int
		code             string
	}{
		{"no token", "orders-api", f.secrets["orders-api"], url.Values{}, 400, "invalid_request"},
		{"no credentials", "", "", url.Values{"token": {"x"}}, 401, "invalid_client"},
		{"wrong secret", "orders-api", client.NewSecret(), url.Values{"token": {"x"}}, 401, "invalid_client"},
		{"disabled", "disabled", f.secrets["disabled"], url.Values{"token": {"x"}}, 401, "invalid_client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Post(f.route(), tt.form, tt.as, tt.secret)
			if got.Status != tt.status || got.Error() != tt.code {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
			if origin := got.Header.Get("Access-Control-Allow-Origin"); origin != "" {
				t.Errorf("Access-Control-Allow-Origin = %q, want none", origin)
			}
		})
	}
}

// A resource server may ask with an access token for our own API.
func TestAskWithAToken(t *testing.T) {
	f := newFixture(t)
	api := routetest.Issuer + contract.APIPath
	good := f.mint(token.Request{Audience: []string{orders}})
	tests := []struct {
		name   string
		token  string
		status int
		code   string
	}{
		{"good", f.mint(token.Request{Audience: []string{api}, Scope: "x introspect", ClientID: "orders-api"}), 200, ""},
		{"other scope", f.mint(token.Request{Audience: []string{api}, Scope: "introspect-all", ClientID: "orders-api"}), 403, "insufficient_scope"},
		{"other audience", f.mint(token.Request{Audience: []string{orders}, Scope: "introspect", ClientID: "orders-api"}), 401, "invalid_token"},
		{"disabled client", f.mint(token.Request{Audience: []string{api}, Scope: "introspect", ClientID: "disabled"}), 401, "invalid_token"},
		{"garbage", "x", 401, "invalid_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(url.Values{"token": {good}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", "Bearer "+tt.token)
			got := routetest.Do(f.route(), r)
			if got.Status != tt.status || got.Error() != tt.code || (tt.status == 200 && got.JSON["active"] != true) {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
		})
	}
}

// A token survives the rotation of its key for as long as it lives.
func TestRotation(t *testing.T) {
	f := newFixture(t)
	f.Time = f.Time.Add(3 * time.Hour)
	value := f.mint(token.Request{Audience: []string{orders}})
	next, err := f.Document.Advance(f.Time)
	if err != nil {
		t.Fatal(err)
	}
	warm := f.route()
	post := func(presented string) routetest.Answer {
		return routetest.Post(warm, url.Values{"token": {presented}}, "orders-api", f.secrets["orders-api"])
	}
	if got := post(value); got.JSON["active"] != true {
		t.Fatalf("before the rotation: %s", got.Body)
	}
	f.Publish(next)
	f.Time = f.Time.Add(10 * time.Second)
	if got := post(value); got.JSON["active"] != true {
		t.Errorf("old token after the rotation: %s", got.Body)
	}
	if got := post(f.mint(token.Request{Audience: []string{orders}})); got.JSON["active"] != true {
		t.Errorf("new token right after the rotation: %s", got.Body)
	}
}
