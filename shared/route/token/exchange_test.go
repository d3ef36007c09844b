package token_test

import (
	"context"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	tokenroute "github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

const (
	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	typeJWT    = "urn:ietf:params:oauth:token-type:jwt"

	shipping = "https://shipping.example.com"
	vault    = "https://vault.example.com"
)

// market is a furnished stage with resource servers that call one another: the orders
// API calls shipping for the user who ordered.
type market struct {
	*routetest.Home
	route   http.Handler
	secrets map[string]string
}

func newMarket(t *testing.T) *market {
	t.Helper()
	m := &market{Home: routetest.Furnish(t), secrets: map[string]string{}}
	m.Protect(client.Resource{ID: shipping, Lifetime: 2 * time.Minute, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "orders:read"}, {Name: "ship"}}})
	m.Protect(client.Resource{ID: vault, Algorithm: oauth.RS256, Scopes: []client.Scope{{Name: "orders:read"}}})
	m.register(m.server("orders-api", routetest.Orders, shipping))
	m.reload()
	return m
}

// server is a client that serves one resource and may exchange tokens for others.
func (m *market) server(id, serves string, exchanges ...string) client.Client {
	c := client.Client{
		ID: id, FirstParty: true, Grants: []string{oauth.GrantTokenExchange}, Introspects: []string{serves}, Exchanges: exchanges,
		Access: []client.Access{{Resource: serves, Scopes: []string{"orders:read"}}},
	}
	for _, resource := range exchanges {
		c.Access = append(c.Access, client.Access{Resource: resource, Scopes: []string{"orders:read", "ship"}})
	}
	return c
}

func (m *market) register(c client.Client) { m.secrets[c.ID] = m.Register(c) }

// reload makes a function that remembers nothing.
func (m *market) reload() {
	m.route = m.Route(contract.Token, &tokenroute.Handler{
		Auth: m.Auth(), Issue: m.Issuer(),
		Active: &bearer.Live{Guard: m.Bearer(), Clients: m.Clients(), Sessions: m.Sessions()},
	})
}

// form asks for shipping with a subject token, as the pairs change it.
func form(subject string, pairs ...string) url.Values {
	v := url.Values{
		"grant_type": {oauth.GrantTokenExchange}, "subject_token": {subject}, "subject_token_type": {typeAccess},
		"audience": {shipping},
	}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		v.Del(pairs[0])
		if pairs[1] != "" {
			v.Set(pairs[0], pairs[1])
		}
	}
	return v
}

func (m *market) ask(by string, v url.Values) routetest.Answer {
	return routetest.Post(m.route, v, by, m.secrets[by])
}

func (m *market) refused(what, by string, v url.Values, want oauth.Code) {
	m.T.Helper()
	got := m.ask(by, v)
	if status := 400; got.Status != status || got.Error() != string(want) {
		m.T.Errorf("%s: exchange by %s = %d %s, want %d %s", what, by, got.Status, got.Body, status, want)
	}
}

// exchanged is the token that an exchange must give.
func (m *market) exchanged(by string, v url.Values) string {
	m.T.Helper()
	got := m.ask(by, v)
	if got.Status != 200 {
		m.T.Fatalf("exchange by %s = %d %s, want a token", by, got.Status, got.Body)
	}
	return got.Text("access_token")
}

// mint signs an access token of ours for the orders API, with the changes of change.
func (m *market) mint(change func(*token.Request)) string {
	m.T.Helper()
	r := token.Request{
		Subject: "worker", ClientID: routetest.Backend, Audience: []string{routetest.Orders}, Scope: "orders:read",
		Algorithm: oauth.ES256, Lifetime: 5 * time.Minute,
	}
	if change != nil {
		change(&r)
	}
	minted, err := m.Minter().Mint(context.Background(), r)
	if err != nil {
		m.T.Fatal(err)
	}
	return minted.Value
}

// order is the token with which ada's phone calls the orders API.
func (m *market) order() *issue.Issued {
	m.T.Helper()
	return m.Grant(routetest.Phone, m.Ada)
}

func TestExchange(t *testing.T) {
	m := newMarket(t)
	ordered := m.order()
	tests := []struct {
		name     string
		form     url.Values
		audience any
		scope    string
		issued   string
		life     float64 // at most
	}{
		{name: "audience", form: form(ordered.Access.Value), audience: shipping, scope: "orders:read", issued: typeAccess, life: 120},
		{
			name: "resource, in another spelling", form: form(ordered.Access.Value, "audience", "", "resource", "HTTPS://Shipping.example.com:443/"),
			audience: shipping, scope: "orders:read", issued: typeAccess, life: 120,
		},
		{name: "as a JWT", form: form(ordered.Access.Value, "subject_token_type", typeJWT, "requested_token_type", typeJWT), audience: shipping, scope: "orders:read", issued: typeJWT, life: 120},
		{name: "the scope", form: form(ordered.Access.Value, "scope", "orders:read"), audience: shipping, scope: "orders:read", issued: typeAccess, life: 120},
		{name: "its own audience", form: form(ordered.Access.Value, "audience", routetest.Orders), audience: routetest.Orders, scope: "orders:read", issued: typeAccess, life: 300},
		{name: "both", form: form(ordered.Access.Value, "resource", routetest.Orders), audience: []any{shipping, routetest.Orders}, scope: "orders:read", issued: typeAccess, life: 120},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := m.ask("orders-api", tt.form)
			if got.Status != 200 || got.Text("token_type") != "Bearer" || got.Text("issued_token_type") != tt.issued || got.Text("scope") != tt.scope {
				t.Fatalf("answer = %d %s, want a %s of scope %q", got.Status, got.Body, tt.issued, tt.scope)
			}
			if life, _ := got.JSON["expires_in"].(float64); life > tt.life || life < tt.life*0.9 {
				t.Errorf("expires_in = %v, want %v less a little", life, tt.life)
			}
			for _, never := range []string{"refresh_token", "id_token"} {
				if got.JSON[never] != nil {
					t.Errorf("the answer has a %s", never)
				}
			}
			if got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers = %v, want no-store", got.Header)
			}
			claims := routetest.Claims(t, got.Text("access_token"))
			want := map[string]any{
				"iss": routetest.Issuer, "sub": m.Ada, "client_id": "orders-api", "aud": tt.audience, "scope": tt.scope,
				"sid": ordered.Grant.ID, "auth_time": float64(ordered.Grant.AuthTime.Unix()), "amr": []any{"pwd"}, "acr": "aal1",
				"act": map[string]any{"sub": "orders-api"}, "iat": float64(m.Time.Unix()), "exp": claims["exp"], "jti": claims["jti"],
			}
			if !reflect.DeepEqual(claims, want) {
				t.Errorf("claims = %v, want %v", claims, want)
			}
		})
	}
}

// A client can exchange its own token for a narrower one. A client that has a token
// for itself does not act for itself.
func TestExchangeOfOnesOwn(t *testing.T) {
	m := newMarket(t)
	own := m.server("shop", shipping, routetest.Orders)
	own.Grants = append(own.Grants, oauth.GrantClientCredentials)
	own.Introspects = nil
	own.Access[1].Scopes = []string{"orders:read", "orders:write"}
	m.register(own)
	subject := m.mint(func(r *token.Request) { r.Subject, r.ClientID, r.Scope = "shop", "shop", "orders:read orders:write" })
	narrow := m.exchanged("shop", form(subject, "audience", routetest.Orders, "scope", "orders:read"))
	if c := routetest.Claims(t, narrow); c["scope"] != "orders:read" || c["sub"] != "shop" || c["act"] != nil || c["sid"] != nil {
		t.Errorf("claims = %v, want less for the shop itself", c)
	}
	m.refused("wider again", "shop", form(narrow, "audience", routetest.Orders, "scope", "orders:write"), oauth.InvalidScope)
}

func TestExchangeRefusesRequests(t *testing.T) {
	m := newMarket(t)
	value := m.order().Access.Value
	tests := []struct {
		name string
		form url.Values
		code oauth.Code
	}{
		{"no subject token", form("", "subject_token", ""), oauth.InvalidRequest},
		{"no type", form(value, "subject_token_type", ""), oauth.InvalidRequest},
		{"an id token by type", form(value, "subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), oauth.InvalidRequest},
		{"a refresh token by type", form(value, "subject_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), oauth.InvalidRequest},
		{"SAML", form(value, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), oauth.InvalidRequest},
		{"for a refresh token", form(value, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), oauth.InvalidRequest},
		{"for an id token", form(value, "requested_token_type", "urn:ietf:params:oauth:token-type:id_token"), oauth.InvalidRequest},
		{"an actor without a type", form(value, "actor_token", value), oauth.InvalidRequest},
		{"a type without an actor", form(value, "actor_token_type", typeAccess), oauth.InvalidRequest},
		{"no audience", form(value, "audience", ""), oauth.InvalidTarget},
		{"an audience without permission", form(value, "audience", routetest.Billing), oauth.InvalidTarget},
		{"one of two without permission", form(value, "resource", routetest.Billing), oauth.InvalidTarget},
		{"an unknown audience", form(value, "audience", "https://evil.example"), oauth.InvalidTarget},
		{"a client as audience", form(value, "audience", "orders-api"), oauth.InvalidTarget},
		{"our API", form(value, "audience", routetest.Issuer+"/api"), oauth.InvalidTarget},
		{"the userinfo endpoint", form(value, "audience", routetest.Issuer+"/userinfo"), oauth.InvalidTarget},
		{"the issuer", form(value, "audience", routetest.Issuer), oauth.InvalidTarget},
		{"a scope that the token does not carry", form(value, "scope", "ship"), oauth.InvalidScope},
		{"a scope that the client has not got there", form(value, "scope", "orders:write"), oauth.InvalidScope},
		{"an identity scope", form(value, "scope", "openid"), oauth.InvalidScope},
		{"a malformed scope", form(value, "scope", "a  b"), oauth.InvalidScope},
	}
	for _, tt := range tests {
		m.refused(tt.name, "orders-api", tt.form, tt.code)
	}
}

// Everything that bounds a client bounds what it can exchange for.
func TestExchangeNeedsPermission(t *testing.T) {
	m := newMarket(t)
	value := m.order().Access.Value
	without := func(id string, change func(*client.Client)) {
		c := m.server(id, routetest.Orders, shipping)
		change(&c)
		m.register(c)
	}
	without("no-grant", func(c *client.Client) { c.Grants = []string{oauth.GrantClientCredentials} })
	without("no-exchanges", func(c *client.Client) { c.Exchanges = nil })
	without("no-access", func(c *client.Client) { c.Access = c.Access[:1] })
	without("no-scope", func(c *client.Client) { c.Access[1].Scopes = []string{"ship"} })
	without("vault-too", func(c *client.Client) {
		c.Exchanges = append(c.Exchanges, vault)
		c.Access = append(c.Access, client.Access{Resource: vault, Scopes: []string{"orders:read"}})
	})
	m.refused("no grant", "no-grant", form(value), oauth.UnauthorizedClient)
	m.refused("no permission for the audience", "no-exchanges", form(value), oauth.InvalidTarget)
	m.refused("no access to the audience", "no-access", form(value), oauth.InvalidTarget)
	m.refused("nothing in common", "no-scope", form(value), oauth.InvalidScope)
	m.refused("audiences that sign differently", "vault-too", form(value, "resource", vault), oauth.InvalidTarget)

	v := form(value)
	v.Set("client_id", routetest.Phone)
	if got := routetest.Post(m.route, v, "", ""); got.Status != 401 || got.Error() != string(oauth.InvalidClient) {
		t.Errorf("exchange by a public client = %d %s, want 401 invalid_client", got.Status, got.Body)
	}
}

// Keycloak CVE-2026-79652: a user agreed to one client, and another one acted for
// them, which should have asked as well.
func TestKeycloakCVE202679652(t *testing.T) {
	m := newMarket(t)
	third := m.server("third-party", routetest.Orders, shipping)
	third.FirstParty = false
	m.register(third)
	m.refused("a client that needs consent", "third-party", form(m.order().Access.Value), oauth.UnauthorizedClient)
}

// A stolen token is worth nothing to a client that it does not concern, whatever that
// client may do with its own tokens.
func TestExchangeOfAStolenToken(t *testing.T) {
	m := newMarket(t)
	m.register(m.server("billing-api", routetest.Billing, shipping))
	value := m.order().Access.Value
	m.refused("another resource server", "billing-api", form(value), oauth.InvalidRequest)
	m.refused("another resource server, for its own resource", "billing-api", form(value, "audience", routetest.Billing), oauth.InvalidRequest)
	stolen, forged := m.ask("billing-api", form(value)), m.ask("billing-api", form(value+"x"))
	if stolen.Body != forged.Body {
		t.Errorf("a stolen token = %s and a forged one = %s, want no difference", stolen.Body, forged.Body)
	}
}

// The new token never outlives the old one.
func TestExchangeNeverLonger(t *testing.T) {
	m := newMarket(t)
	ordered := m.order()
	expires := routetest.Claims(t, ordered.Access.Value)["exp"].(float64)
	for range 20 {
		value := ordered.Access.Value
		got := routetest.Claims(t, m.exchanged("orders-api", form(value, "audience", routetest.Orders)))["exp"].(float64)
		if got > expires {
			t.Fatalf("exp = %v, later than that of the subject token, %v", got, expires)
		}
	}
	m.Time = time.Unix(int64(expires)-1, 0)
	if got := routetest.Claims(t, m.exchanged("orders-api", form(ordered.Access.Value)))["exp"]; got != expires {
		t.Errorf("a second before the end, exp = %v, want %v", got, expires)
	}
	m.Time = time.Unix(int64(expires), 0)
	m.refused("at the end", "orders-api", form(ordered.Access.Value), oauth.InvalidRequest)
}

// The end of the session or of a client ends the exchange and the exchanged token.
func TestExchangeOfWhatHasEnded(t *testing.T) {
	judge := func(m *market, value string) error {
		_, err := (&bearer.Live{Guard: m.Bearer(), Clients: m.Clients(), Sessions: m.Sessions()}).Claims(context.Background(), value)
		return err
	}
	disable := func(m *market, c client.Client) {
		c.Disabled = true
		m.Register(c)
	}
	tests := map[string]func(*market, *session.Grant) error{
		"ended session": func(m *market, g *session.Grant) error {
			return m.Sessions().End(context.Background(), g.Subject, g.ID, session.Cause{Why: session.Revoked})
		},
		"user disabled (Keycloak GHSA-wv3h-x6c4-r867)": func(m *market, g *session.Grant) error {
			_, err := m.Sessions().ChangeUser(context.Background(), g.Subject, admin.Disabled(), session.Cause{Why: session.Disabled})
			return err
		},
		"client of the session disabled": func(m *market, _ *session.Grant) error {
			disable(m, m.Client(routetest.Phone))
			return nil
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			ordered := m.order()
			value := m.exchanged("orders-api", form(ordered.Access.Value))
			if err := judge(m, value); err != nil {
				t.Fatalf("exchanged token, before = %v, want it active", err)
			}
			if err := end(m, ordered.Grant); err != nil {
				t.Fatal(err)
			}
			m.reload()
			m.refused(name, "orders-api", form(ordered.Access.Value), oauth.InvalidRequest)
			if err := judge(m, value); err == nil {
				t.Errorf("exchanged token after: %s is active, want it ended", name)
			}
		})
	}
	m := newMarket(t)
	value := m.exchanged("orders-api", form(m.order().Access.Value))
	disable(m, m.server("orders-api", routetest.Orders, shipping))
	m.reload()
	if err := judge(m, value); err == nil {
		t.Error("exchanged token after its client was disabled is active, want it ended")
	}
}

// Nothing that is not an access token can be exchanged.
func TestExchangeOfOtherThings(t *testing.T) {
	m := newMarket(t)
	ordered := m.order()
	id, err := m.Minter().ID(t.Context(), token.IDRequest{
		Subject: m.Ada, ClientID: "orders-api", AuthTime: m.Time, AMR: []string{"pwd"}, SessionID: ordered.Grant.ID, AccessToken: ordered.Access.Value,
	})
	if err != nil {
		t.Fatal(err)
	}
	logout, err := m.Minter().Logout(t.Context(), token.LogoutRequest{Subject: m.Ada, ClientID: "orders-api", SessionID: ordered.Grant.ID})
	if err != nil {
		t.Fatal(err)
	}
	_, cookie := m.Login(m.Ada)
	for name, value := range map[string]string{
		"id token": id, "logout token": logout, "refresh token": ordered.RefreshToken, "login cookie": cookie,
		"secret": m.secrets["orders-api"], "session id": ordered.Grant.ID,
	} {
		for _, of := range []string{typeAccess, typeJWT} {
			m.refused(name, "orders-api", form(value, "subject_token_type", of), oauth.InvalidRequest)
		}
		m.refused(name+" as actor", "orders-api", form(ordered.Access.Value, "actor_token", value, "actor_token_type", typeAccess), oauth.InvalidRequest)
	}
}

// When the session cannot be read, the answer does not report that it has ended.
func TestExchangeInAnOutage(t *testing.T) {
	m := newMarket(t)
	value := m.order().Access.Value
	store := m.Sessions()
	store.Sessions = "no-such-table"
	m.route = m.Route(contract.Token, &tokenroute.Handler{
		Auth: m.Auth(), Issue: m.Issuer(), Active: &bearer.Live{Guard: m.Bearer(), Clients: m.Clients(), Sessions: store},
	})
	if got := m.ask("orders-api", form(value)); got.Status != 503 || got.Error() != string(oauth.TemporarilyUnavailable) {
		t.Errorf("answer = %d %s, want 503 temporarily_unavailable", got.Status, got.Body)
	}
}
