package register_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/register"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token"
)

// asksForMore asks for metadata that no stage grants.
const asksForMore = `{
	"redirect_uris": ["https://app.example.com/cb", "http://localhost:3000/cb"], "client_name": "App",
	"token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code", "client_credentials"],
	"response_types": ["code"], "scope": "admin", "jwks": {"keys": [{"kty": "oct"}]}, "contacts": ["a@example.com"]}`

// office is a stage with the route in a mode.
type office struct {
	*routetest.Stage
	ids *registration.IDs
}

func newOffice(t *testing.T) *office {
	t.Helper()
	s := routetest.New(t)
	return &office{Stage: s, ids: &registration.IDs{Keys: s.MACKey, Now: s.Now}}
}

// send posts a body with an access token, or without one for "".
func (o *office) send(mode contract.Registration, contentType, body, token string) routetest.Answer {
	route := o.Route(contract.Register, &register.Handler{
		Mode: mode, IDs: o.ids, Guard: &bearer.Guard{Issuer: routetest.Issuer, Keys: o.Published(), Now: o.Now},
	})
	r := httptest.NewRequest("POST", "/register", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return routetest.Do(route, r)
}

func (o *office) mint(audience, scope string) string {
	o.T.Helper()
	minted, err := o.Minter().Mint(context.Background(), token.Request{
		Subject: "ops", ClientID: "ops", Audience: []string{audience}, Scope: scope, Algorithm: oauth.ES256, Lifetime: 5 * time.Minute,
	})
	if err != nil {
		o.T.Fatal(err)
	}
	return minted.Value
}

func TestRegistered(t *testing.T) {
	o := newOffice(t)
	got := o.send(contract.RegistrationOpen, "application/json; charset=utf-8", asksForMore, "")
	if got.Status != 201 || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" ||
		got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("answer = %d %v %s", got.Status, got.Header, got.Body)
	}
	// The answer has all that is registered, and not what was asked for (RFC 7591
	// §3.2.1).
	if got.Text("token_endpoint_auth_method") != "none" || got.Text("client_name") != "App" || got.JSON["client_id_issued_at"] != float64(o.Time.Unix()) {
		t.Errorf("answer = %s", got.Body)
	}
	for name, want := range map[string][]any{
		"redirect_uris":  {"https://app.example.com/cb", "http://localhost:3000/cb"},
		"grant_types":    {"authorization_code", "refresh_token"},
		"response_types": {"code"},
	} {
		if list, _ := got.JSON[name].([]any); !slices.Equal(list, want) {
			t.Errorf("%s = %v, want %v", name, list, want)
		}
	}
	for _, absent := range []string{"client_secret", "client_secret_expires_at", "scope", "jwks", "contacts", "registration_access_token"} {
		if v, ok := got.JSON[absent]; ok {
			t.Errorf("%s = %v, want it absent", absent, v)
		}
	}
	clients := o.Clients()
	clients.Registered = o.ids.Client
	c, err := clients.Client(t.Context(), got.Text("client_id"))
	if err != nil || c.Name != "App" || !c.SelfRegistered || !c.Public() || c.FirstParty || len(c.Access) != 0 || c.MayUse(oauth.GrantClientCredentials) {
		t.Errorf("client = %+v, %v", c, err)
	}
	// A second registration is another client.
	if again := o.send(contract.RegistrationOpen, "application/json", asksForMore, ""); again.Text("client_id") == got.Text("client_id") {
		t.Error("two clients got one id")
	}
	if n := o.Entries(""); n != 0 {
		t.Errorf("%d entries in the trail, want nothing stored", n)
	}
}

func TestModes(t *testing.T) {
	o := newOffice(t)
	const body = `{"redirect_uris":["https://app.example.com/cb"]}`
	good := o.mint(routetest.Issuer+contract.APIPath, "ready register")
	tests := []struct {
		name   string
		mode   contract.Registration
		token  string
		status int
		code   string
	}{
		{"off", contract.RegistrationOff, "", 403, "access_denied"},
		{"off with a token", contract.RegistrationOff, good, 403, "access_denied"},
		{"no mode", "", good, 403, "access_denied"},
		{"a mode that does not exist", "on", good, 403, "access_denied"},
		{"no token", contract.RegistrationToken, "", 401, "invalid_token"},
		{"garbage", contract.RegistrationToken, "x.y.z", 401, "invalid_token"},
		{"truncated", contract.RegistrationToken, good[:len(good)-2], 401, "invalid_token"},
		{"another audience", contract.RegistrationToken, o.mint("https://orders.example.com", "register"), 401, "invalid_token"},
		{"another scope", contract.RegistrationToken, o.mint(routetest.Issuer+contract.APIPath, "ready"), 403, "insufficient_scope"},
		{"a token", contract.RegistrationToken, good, 201, ""},
		{"open", contract.RegistrationOpen, "", 201, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := o.send(tt.mode, "application/json", body, tt.token)
			if got.Status != tt.status || got.Error() != tt.code || (got.Text("client_id") != "") != (tt.status == 201) {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
			if challenge := got.Header.Get("WWW-Authenticate"); (challenge != "") != (tt.mode == contract.RegistrationToken && tt.status != 201) {
				t.Errorf("WWW-Authenticate = %q", challenge)
			} else if challenge != "" && !strings.Contains(challenge, `resource_metadata="`+routetest.Issuer+contract.ResourceMetadataPath+`"`) {
				t.Errorf("WWW-Authenticate = %q, want it to say where the API describes itself", challenge)
			}
		})
	}
}

// Refusals have the codes of RFC 7591 §3.2.2 and no others.
func TestRefused(t *testing.T) {
	o := newOffice(t)
	const kind = "application/json"
	long := strings.Repeat("a", 480)
	tests := []struct {
		name, contentType, body, code string
	}{
		{"form", "application/x-www-form-urlencoded", "redirect_uris=https://app.example.com/cb", "invalid_client_metadata"},
		{"no type", "", `{"redirect_uris":["https://app.example.com/cb"]}`, "invalid_client_metadata"},
		{"nothing", kind, "", "invalid_client_metadata"},
		{"no JSON", kind, "x", "invalid_client_metadata"},
		{"too large", kind, `{"redirect_uris":["https://app.example.com/cb"],"x":"` + strings.Repeat("x", 32<<10) + `"}`, "invalid_client_metadata"},
		{"a name in the wrong place", kind, `{"redirect_uris":["https://app.example.com/cb"],"client_name":{}}`, "invalid_client_metadata"},
		{"grants for machines", kind, `{"redirect_uris":["https://app.example.com/cb"],"grant_types":["client_credentials"]}`, "invalid_client_metadata"},
		{"too long for an id", kind, `{"redirect_uris":["https://a.example/` + long + `","https://b.example/` + long + `","https://c.example/` + long + `"]}`, "invalid_client_metadata"},
		{"no redirect", kind, `{}`, "invalid_redirect_uri"},
		{"a script", kind, `{"redirect_uris":["JavaScript:alert(1)"]}`, "invalid_redirect_uri"},
		{"http", kind, `{"redirect_uris":["http://app.example.com/cb"]}`, "invalid_redirect_uri"},
		{"not quite loopback", kind, `{"redirect_uris":["http://localhost.evil.test/cb"]}`, "invalid_redirect_uri"},
		{"a scheme without a dot", kind, `{"redirect_uris":["myapp:/cb"]}`, "invalid_redirect_uri"},
		{"a fragment", kind, `{"redirect_uris":["https://app.example.com/cb#x"]}`, "invalid_redirect_uri"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := o.send(contract.RegistrationOpen, tt.contentType, tt.body, "")
			if got.Status != 400 || got.Error() != tt.code || got.Text("error_description") == "" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("answer = %d %s, want 400 %s", got.Status, got.Body, tt.code)
			}
		})
	}
}

// Without keys there is no client id, and the client is to try again.
func TestOutage(t *testing.T) {
	o := newOffice(t)
	o.ids.Keys = func(context.Context, string) (*keys.MACKey, error) {
		return nil, errors.New("the secret cannot be read")
	}
	got := o.send(contract.RegistrationOpen, "application/json", `{"redirect_uris":["https://app.example.com/cb"]}`, "")
	if got.Status != 503 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("answer = %d %s, want 503", got.Status, got.Body)
	}
}

// A stage that disables registration accepts none of the client ids that it issued.
func TestTurnedOff(t *testing.T) {
	o := newOffice(t)
	got := o.send(contract.RegistrationOpen, "application/json", `{"redirect_uris":["https://app.example.com/cb"]}`, "")
	if c, err := o.Clients().Client(t.Context(), got.Text("client_id")); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("client = %+v, %v, want ErrUnknown", c, err)
	}
}
