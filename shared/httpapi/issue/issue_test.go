package issue_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
)

// home is a stage with POST /token, the simplest way to refresh.
type home struct{ *routetest.Home }

func newHome(t *testing.T) home {
	t.Helper()
	return home{routetest.Furnish(t)}
}

// renew presents a token as a public client, with further parameters.
func (h home) renew(clientID, presented string, more ...string) routetest.Answer {
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {presented}}
	for ; len(more) > 0; more = more[2:] {
		form.Add(more[0], more[1])
	}
	return routetest.Post(h.route(), form, "", "")
}

// route returns a new function with an empty cache.
func (h home) route() http.Handler {
	return h.Route(contract.Token, &token.Handler{Auth: h.Auth(), Issue: h.Issuer()})
}

func TestRenewal(t *testing.T) {
	h := newHome(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	h.Pass(time.Minute)
	got := h.renew(routetest.Phone, begun.RefreshToken)
	if got.Status != 200 || got.Text("token_type") != "Bearer" || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answer = %d %s %v, want a Bearer token that nobody stores", got.Status, got.Body, got.Header)
	}
	if want := "orders:read orders:write"; got.Text("scope") != want {
		t.Errorf("scope = %q, want all that was granted at the first resource, %q", got.Text("scope"), want)
	}
	if next := got.Text("refresh_token"); !strings.HasPrefix(next, "tsr_") || next == begun.RefreshToken {
		t.Errorf("refresh_token = %q, want the next one", next)
	}
	c := routetest.Claims(t, got.Text("access_token"))
	want := map[string]any{
		"sub": h.Ada, "client_id": routetest.Phone, "sid": begun.Grant.ID, "auth_time": float64(begun.Grant.AuthTime.Unix()),
		"iss": routetest.Issuer, "iat": float64(h.Time.Unix()), "aud": routetest.Orders,
	}
	for name, value := range want {
		if c[name] != value {
			t.Errorf("claim %s = %v, want %v", name, c[name], value)
		}
	}
	if amr, _ := c["amr"].([]any); len(amr) != 1 || amr[0] != "pwd" {
		t.Errorf("amr = %v, want pwd", c["amr"])
	}
}

// A request may ask for less, in this access token only.
func TestLessThanGranted(t *testing.T) {
	h := newHome(t)
	presented := h.Grant(routetest.Phone, h.Ada).RefreshToken
	tests := []struct {
		name  string
		more  []string
		scope string
		aud   any
	}{
		{"scope", []string{"scope", "orders:read"}, "orders:read", routetest.Orders},
		{"scope of a later resource", []string{"scope", "billing:read"}, "billing:read", routetest.Billing},
		{"resource", []string{"resource", routetest.Billing}, "billing:read", routetest.Billing},
		{"with the root slash of a strict client", []string{"resource", routetest.Billing + "/"}, "billing:read", routetest.Billing},
		{"both", []string{"resource", routetest.Orders, "scope", "orders:write"}, "orders:write", routetest.Orders},
		{"our own API", []string{"resource", routetest.Issuer + "/api"}, "sessions", routetest.Issuer + "/api"},
		{"two resources that share no scope", []string{"resource", routetest.Orders, "resource", routetest.Billing}, "", nil},
		{"as before", nil, "orders:read orders:write", routetest.Orders},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.renew(routetest.Phone, presented, tt.more...)
			if got.Status != 200 || got.Text("scope") != tt.scope {
				t.Fatalf("answer = %d %s, want scope %q", got.Status, got.Body, tt.scope)
			}
			if aud := routetest.Claims(t, got.Text("access_token"))["aud"]; tt.aud != nil && aud != tt.aud {
				t.Errorf("aud = %v, want %v", aud, tt.aud)
			}
			presented = got.Text("refresh_token")
		})
	}
}

// A request that is refused because it is wrong in itself has consumed nothing: long
// after the grace, the same token works.
func TestFaultyRequestsConsumeNothing(t *testing.T) {
	h := newHome(t)
	narrow := h.Client("narrow")
	h.Register(narrow)
	presented := h.grant(t, "narrow", "orders:read", routetest.Orders)
	tests := []struct {
		name string
		more []string
		code oauth.Code
	}{
		{"scope that was not granted", []string{"scope", "orders:read orders:write"}, oauth.InvalidScope},
		{"scope of another resource", []string{"scope", "billing:read"}, oauth.InvalidScope},
		{"scope that does not exist", []string{"scope", "orders:delete"}, oauth.InvalidScope},
		{"scope that is none", []string{"scope", "a  b"}, oauth.InvalidScope},
		{"resource that was not granted", []string{"resource", routetest.Billing}, oauth.InvalidTarget},
		{"one of two resources", []string{"resource", routetest.Orders, "resource", routetest.Billing}, oauth.InvalidTarget},
		{"resource that does not exist", []string{"resource", "https://evil.example"}, oauth.InvalidTarget},
		{"resource that is none", []string{"resource", "orders"}, oauth.InvalidTarget},
		{"two scopes", []string{"scope", "a", "scope", "b"}, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.renew("narrow", presented, tt.more...)
			if got.Status != 400 || got.Error() != string(tt.code) {
				t.Errorf("answer = %d %s, want 400 %s", got.Status, got.Body, tt.code)
			}
			h.Pass(2 * client.MaxGrace)
		})
	}
	if got := h.renew("narrow", presented); got.Status != 200 || !strings.Contains(h.Log.String(), "rotated") {
		t.Errorf("afterwards = %d %s, want a first refresh", got.Status, got.Body)
	}
}

// grant signs ada in to a client for less than all.
func (h home) grant(t *testing.T, clientID, scope string, resources ...string) string {
	t.Helper()
	c, err := h.Clients().Client(t.Context(), clientID)
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.Sessions().CreateGrant(t.Context(), session.NewGrant{
		Subject: h.Ada, Client: clientID, Scope: scope, Audience: resources, AuthTime: h.Time, Idle: c.Idle, Absolute: c.Absolute, Bound: !c.Public(),
	})
	if err != nil {
		t.Fatal(err)
	}
	begun, err := h.Issuer().Begin(t.Context(), c, g, issue.Extra{})
	if err != nil {
		t.Fatal(err)
	}
	return begun.RefreshToken
}

// Every other client is refused, and the token still works for its own.
func TestTokensOfOthers(t *testing.T) {
	h := newHome(t)
	h.Register(client.Client{ID: "no-grant", AuthMethods: []string{oauth.AuthNone}, Grants: []string{}})
	gone := h.Client("disabled")
	gone.Disabled = true
	h.Register(gone)
	phone := h.Grant(routetest.Phone, h.Ada).RefreshToken
	backend := h.Grant(routetest.Backend, h.Ada).RefreshToken
	form := func(presented string, more ...string) url.Values {
		v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {presented}}
		for ; len(more) > 0; more = more[2:] {
			v.Set(more[0], more[1])
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
		{"another public client", form(phone, "client_id", routetest.Web), "", "", 400, oauth.InvalidGrant},
		{"another public client that narrows", form(phone, "client_id", routetest.Web, "scope", "orders:read"), "", "", 400, oauth.InvalidGrant},
		{"a client with a secret", form(phone), routetest.Backend, h.Secret, 400, oauth.InvalidGrant},
		{"a public client, of one with a secret", form(backend, "client_id", routetest.Phone), "", "", 400, oauth.InvalidGrant},
		{"the client without its secret", form(backend, "client_id", routetest.Backend), "", "", 401, oauth.InvalidClient},
		{"the client with a wrong secret", form(backend), routetest.Backend, client.NewSecret(), 401, oauth.InvalidClient},
		{"a public client with a secret", form(phone), routetest.Phone, client.NewSecret(), 401, oauth.InvalidClient},
		{"a client without the grant type", form(phone, "client_id", "no-grant"), "", "", 400, oauth.UnauthorizedClient},
		{"a disabled client", form(phone, "client_id", "disabled"), "", "", 401, oauth.InvalidClient},
		{"nobody", form(phone), "", "", 401, oauth.InvalidClient},
		{"no token", form("", "client_id", routetest.Phone), "", "", 400, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := routetest.Post(h.route(), tt.form, tt.id, tt.secret); got.Status != tt.status || got.Error() != string(tt.code) {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
		})
	}
	if got := h.renew(routetest.Phone, phone); got.Status != 200 {
		t.Errorf("its own client = %d %s, want 200", got.Status, got.Body)
	}
	if got := routetest.Post(h.route(), form(backend), routetest.Backend, h.Secret); got.Status != 200 {
		t.Errorf("its own client with the secret = %d %s, want 200", got.Status, got.Body)
	}
}

// Access that an operator removes from a client is gone with the next refresh.
func TestLostAccess(t *testing.T) {
	h := newHome(t)
	shrinking := h.Client("shrinking")
	h.Register(shrinking)
	presented := h.Grant("shrinking", h.Ada).RefreshToken
	change := func(access ...client.Access) routetest.Answer {
		shrinking.Access = access
		h.Register(shrinking)
		got := h.renew("shrinking", presented)
		presented = got.Text("refresh_token")
		return got
	}
	if got := change(client.Access{Resource: routetest.Orders, Scopes: []string{"orders:read"}}); got.Status != 200 || got.Text("scope") != "orders:read" {
		t.Errorf("with less access = %d %s, want scope orders:read", got.Status, got.Body)
	}
	more := client.Access{Resource: routetest.Orders, Scopes: []string{"orders:read", "orders:write", "orders:delete"}}
	if got := change(more); got.Status != 200 || got.Text("scope") != "orders:read orders:write" {
		t.Errorf("with more access = %d %s, want no more than was granted", got.Status, got.Body)
	}
	if got := change(client.Access{Resource: "https://new.example.com"}); got.Status != 400 || got.Error() != "invalid_grant" {
		t.Errorf("with none of the access = %d %s, want 400 invalid_grant", got.Status, got.Body)
	}
}

// No access token outlives the grant, and no grant its longest life.
func TestTheEndOfAGrant(t *testing.T) {
	h := newHome(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	presented := begun.RefreshToken
	for h.Time.Add(13 * 24 * time.Hour).Before(begun.Grant.Absolute) {
		h.Pass(13 * 24 * time.Hour)
		got := h.renew(routetest.Phone, presented, "resource", routetest.Orders)
		if got.Status != 200 {
			t.Fatalf("on %v = %d %s, want 200 until %v", h.Time, got.Status, got.Body, begun.Grant.Absolute)
		}
		presented = got.Text("refresh_token")
	}
	h.Time = begun.Grant.Absolute.Add(-20 * time.Second)
	got := h.renew(routetest.Phone, presented, "resource", routetest.Orders)
	if life, _ := got.JSON["expires_in"].(float64); got.Status != 200 || life > 20 || life < 19 {
		t.Errorf("20 seconds before the end = %d %s, want a token for 20 seconds", got.Status, got.Body)
	}
	h.Pass(20 * time.Second)
	if got := h.renew(routetest.Phone, got.Text("refresh_token")); got.Status != 400 || got.Error() != "invalid_grant" {
		t.Errorf("at the end = %d %s, want 400 invalid_grant", got.Status, got.Body)
	}

	idle := h.Grant(routetest.Phone, h.Ada).RefreshToken
	h.Pass(client.DefaultIdle)
	if got := h.renew(routetest.Phone, idle); got.Status != 400 || got.Error() != "invalid_grant" {
		t.Errorf("after two idle weeks = %d %s, want 400 invalid_grant", got.Status, got.Body)
	}
}

// The token of a confidential client may be used again until the next one is used;
// that of a public client for its grace.
func TestGrace(t *testing.T) {
	h := newHome(t)
	phone, backend := h.Grant(routetest.Phone, h.Ada), h.Grant(routetest.Backend, h.Ada)
	ask := func(begun *issue.Issued) routetest.Answer {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {begun.RefreshToken}}
		if begun == backend {
			return routetest.Post(h.route(), form, routetest.Backend, h.Secret)
		}
		return h.renew(routetest.Phone, begun.RefreshToken)
	}
	first := map[*issue.Issued]string{}
	for _, begun := range []*issue.Issued{phone, backend} {
		first[begun] = ask(begun).Text("refresh_token")
	}
	h.Pass(29 * time.Second)
	if got := ask(phone); got.Status != 200 || got.Text("refresh_token") != first[phone] {
		t.Errorf("public client in the grace = %d %s, want the same token again", got.Status, got.Body)
	}
	h.Pass(time.Hour)
	if got := ask(phone); got.Status != 400 || got.Error() != "invalid_grant" {
		t.Errorf("public client after the grace = %d %s, want 400 invalid_grant", got.Status, got.Body)
	}
	if got := ask(backend); got.Status != 200 || got.Text("refresh_token") != first[backend] {
		t.Errorf("client with a secret after an hour = %d %s, want the same token again", got.Status, got.Body)
	}
}
