package token_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
)

const (
	orders  = "https://orders.example.com"
	billing = "https://billing.example.com"
	gateway = "https://gateway.example.com"
)

// fixture is a stage with a worker that may reach three resources.
type fixture struct {
	*routetest.Stage
	route  http.Handler
	secret string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s := routetest.New(t)
	s.Protect(client.Resource{ID: orders, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "orders:read"}, {Name: "orders:write"}, {Name: "status"}}})
	s.Protect(client.Resource{ID: billing, Algorithm: oauth.ES256, Lifetime: time.Minute, Scopes: []client.Scope{{Name: "billing:read"}, {Name: "status"}}})
	s.Protect(client.Resource{ID: gateway, Algorithm: oauth.RS256, Scopes: []client.Scope{{Name: "gw"}}})
	f := &fixture{Stage: s}
	f.secret = s.Register(client.Client{
		ID: "worker", Grants: []string{oauth.GrantClientCredentials},
		Access: []client.Access{
			{Resource: orders, Scopes: []string{"orders:read", "orders:write", "status"}},
			{Resource: billing, Scopes: []string{"billing:read", "status"}},
			{Resource: gateway, Scopes: []string{"gw"}},
			{Resource: contract.APIPath, Scopes: []string{contract.ScopeReady}},
			{Resource: "https://gone.example.com"},
		},
	})
	f.route = s.Route(contract.Token, &token.Handler{Auth: s.Auth(), Issue: s.Issuer()})
	return f
}

func (f *fixture) ask(form url.Values) routetest.Answer {
	form.Set("grant_type", oauth.GrantClientCredentials)
	return routetest.Post(f.route, form, "worker", f.secret)
}

func claims(t *testing.T, a routetest.Answer) map[string]any {
	t.Helper()
	value, _ := a.JSON["access_token"].(string)
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		t.Fatalf("answer %d %s holds no JWT", a.Status, a.Body)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientCredentials(t *testing.T) {
	f := newFixture(t)
	tests := []struct {
		name      string
		resource  []string
		scope     string
		audience  any
		granted   string
		expiresIn float64 // at most
	}{
		{name: "default resource, all its scopes", audience: orders, granted: "orders:read orders:write status", expiresIn: 300},
		{name: "narrower scope", scope: "orders:read", audience: orders, granted: "orders:read", expiresIn: 300},
		{name: "a resource", resource: []string{billing}, audience: billing, granted: "billing:read status", expiresIn: 60},
		{name: "root slash and case", resource: []string{"HTTPS://Billing.example.com:443/"}, audience: billing, granted: "billing:read status", expiresIn: 60},
		{name: "the same twice", resource: []string{billing, billing + "/"}, audience: billing, granted: "billing:read status", expiresIn: 60},
		{
			name: "two resources share the shorter life and what is allowed at both", resource: []string{orders, billing},
			audience: []any{orders, billing}, granted: "status", expiresIn: 60,
		},
		{name: "RS256", resource: []string{gateway}, audience: gateway, granted: "gw", expiresIn: 300},
		{name: "our own API", resource: []string{routetest.Issuer + "/api"}, audience: routetest.Issuer + "/api", granted: "ready", expiresIn: 300},
		{name: "empty resource is none", resource: []string{""}, scope: "orders:read", audience: orders, granted: "orders:read", expiresIn: 300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := url.Values{"resource": tt.resource}
			if tt.scope != "" {
				form.Set("scope", tt.scope)
			}
			got := f.ask(form)
			if got.Status != 200 || got.JSON["token_type"] != "Bearer" || got.JSON["scope"] != tt.granted {
				t.Fatalf("answer = %d %s, want scope %q", got.Status, got.Body, tt.granted)
			}
			if life, _ := got.JSON["expires_in"].(float64); life > tt.expiresIn || life < tt.expiresIn*0.95 {
				t.Errorf("expires_in = %v, want %v less at most 5 %%", life, tt.expiresIn)
			}
			c := claims(t, got)
			wantAud, _ := json.Marshal(tt.audience)
			gotAud, _ := json.Marshal(c["aud"])
			if string(gotAud) != string(wantAud) || c["sub"] != "worker" || c["client_id"] != "worker" || c["iss"] != routetest.Issuer {
				t.Errorf("claims = %v, want aud %s", c, wantAud)
			}
			if _, there := got.JSON["refresh_token"]; there {
				t.Error("a refresh token was issued for client_credentials")
			}
			if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" {
				t.Errorf("headers = %v, want no-store", got.Header)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t)
	public := f.Register(client.Client{ID: "other-grant", Grants: []string{"authorization_code"}})
	disabled := f.Register(client.Client{ID: "disabled", Disabled: true, Grants: []string{oauth.GrantClientCredentials}})
	basicOnly := f.Register(client.Client{ID: "basic-only", AuthMethods: []string{oauth.ClientSecretBasic}, Grants: []string{oauth.GrantClientCredentials}})
	form := func(pairs ...string) url.Values {
		v := url.Values{"grant_type": {oauth.GrantClientCredentials}}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		return v
	}
	tests := []struct {
		name       string
		form       url.Values
		id, secret string
		status     int
		code       oauth.Code
	}{
		{"no grant type", url.Values{}, "worker", f.secret, 400, oauth.InvalidRequest},
		{"unknown grant type", url.Values{"grant_type": {"password"}}, "worker", f.secret, 400, oauth.UnsupportedGrantType},
		{"no credentials", form(), "", "", 401, oauth.InvalidClient},
		{"wrong secret", form(), "worker", client.NewSecret(), 401, oauth.InvalidClient},
		{"secret cut", form(), "worker", f.secret[:len(f.secret)-1], 401, oauth.InvalidClient},
		{"secret in another case", form(), "worker", strings.ToUpper(f.secret), 401, oauth.InvalidClient},
		{"unknown client", form(), "nobody", client.NewSecret(), 401, oauth.InvalidClient},
		{"another client's secret", form(), "basic-only", f.secret, 401, oauth.InvalidClient},
		{"disabled client", form(), "disabled", disabled, 401, oauth.InvalidClient},
		{"post by a client that uses basic", form("client_id", "basic-only", "client_secret", basicOnly), "", "", 401, oauth.InvalidClient},
		{"two methods", form("client_id", "worker", "client_secret", f.secret), "worker", f.secret, 400, oauth.InvalidRequest},
		{"grant not allowed", form(), "other-grant", public, 400, oauth.UnauthorizedClient},
		{"scope of another resource", form("scope", "billing:read"), "worker", f.secret, 400, oauth.InvalidScope},
		{"unknown scope", form("scope", "orders:read orders:delete"), "worker", f.secret, 400, oauth.InvalidScope},
		{"scope of one of two resources", form("resource", orders, "resource", billing, "scope", "orders:write"), "worker", f.secret, 400, oauth.InvalidScope},
		{"malformed scope", form("scope", "a  b"), "worker", f.secret, 400, oauth.InvalidScope},
		{"unknown resource", form("resource", "https://evil.example"), "worker", f.secret, 400, oauth.InvalidTarget},
		{"resource is no URI", form("resource", "orders"), "worker", f.secret, 400, oauth.InvalidTarget},
		{"resource with a fragment", form("resource", orders+"#x"), "worker", f.secret, 400, oauth.InvalidTarget},
		{"one of two unknown", form("resource", orders, "resource", "https://evil.example"), "worker", f.secret, 400, oauth.InvalidTarget},
		{"resource that is gone", form("resource", "https://gone.example.com"), "worker", f.secret, 400, oauth.InvalidTarget},
		{"resources that sign differently", form("resource", orders, "resource", gateway), "worker", f.secret, 400, oauth.InvalidTarget},
	}
	var unknown, wrong string
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Post(f.route, tt.form, tt.id, tt.secret)
			if got.Status != tt.status || got.Error() != string(tt.code) {
				t.Fatalf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
			if challenged := got.Header.Get("WWW-Authenticate") != ""; challenged != (tt.status == 401 && tt.id != "") {
				t.Errorf("WWW-Authenticate = %q", got.Header.Get("WWW-Authenticate"))
			}
			switch tt.name {
			case "unknown client":
				unknown = got.Body
			case "wrong secret":
				wrong = got.Body
			}
		})
	}
	if unknown != wrong {
		t.Errorf("an unknown client gets %s and a wrong secret %s", unknown, wrong)
	}
	if log := f.Log.String(); strings.Contains(log, f.secret) || strings.Contains(log, disabled) {
		t.Error("the log holds a secret")
	}
}

// A client without access gets a token that is good for no resource.
func TestClientWithoutAccess(t *testing.T) {
	f := newFixture(t)
	secret := f.Register(client.Client{ID: "bare", Grants: []string{oauth.GrantClientCredentials}})
	got := routetest.Post(f.route, url.Values{"grant_type": {oauth.GrantClientCredentials}}, "bare", secret)
	if c := claims(t, got); c["aud"] != routetest.Issuer || got.JSON["scope"] != "" {
		t.Errorf("claims = %v, scope %q, want the issuer and no scope", c, got.JSON["scope"])
	}
}

// The same event twice gives two tokens and changes nothing.
func TestTheSameRequestTwice(t *testing.T) {
	f := newFixture(t)
	before := f.contents()
	first, second := f.ask(url.Values{}), f.ask(url.Values{})
	if first.Status != 200 || second.Status != 200 || first.JSON["access_token"] == second.JSON["access_token"] {
		t.Errorf("answers = %d, %d, want two different tokens", first.Status, second.Status)
	}
	if after := f.contents(); after != before {
		t.Errorf("the registry has %d items after, %d before", after, before)
	}
}

func (f *fixture) contents() int32 {
	f.T.Helper()
	table := f.Table(contract.Registry)
	out, err := f.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		f.T.Fatal(err)
	}
	return out.Count
}
