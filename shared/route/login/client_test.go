package login_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// phone is the request of a native client that asks a user for the password.
func phone(userName, password string, more ...string) *http.Request {
	return routetest.JSON("/login", append([]string{"client_id", routetest.Phone, "user_name", userName, "password", password}, more...)...)
}

// page is the same request from a page of Web.
func page(userName, password string, more ...string) *http.Request {
	r := routetest.JSON("/login?client_id="+routetest.Web, append([]string{"client_id", routetest.Web, "user_name", userName, "password", password}, more...)...)
	r.Header.Set("Origin", routetest.App)
	return r
}

func TestNativeClient(t *testing.T) {
	h := newHome(t)
	got := routetest.Do(h.route, phone("ada", routetest.Password))
	if got.Status != 200 || got.Text("token_type") != "Bearer" || got.Text("scope") != "orders:read orders:write" || len(got.Header.Values("Set-Cookie")) != 0 {
		t.Fatalf("answer = %d %s %v, want tokens and no cookie", got.Status, got.Body, got.Header)
	}
	handle, err := h.Handles().Parse(t.Context(), got.Text("refresh_token"))
	if err != nil || handle.Subject != h.Ada || handle.Generation != 1 {
		t.Fatalf("refresh_token = %+v, %v, want the first one of ada", handle, err)
	}
	g, err := h.Sessions().Grant(t.Context(), h.Ada, handle.Grant)
	if err != nil || g.Client != routetest.Phone || g.Bound || g.Login != "" || len(g.AMR) != 1 || g.Scope != "orders:read orders:write" {
		t.Errorf("grant = %+v, %v", g, err)
	}
	if g.Absolute.Sub(g.Created) != client.DefaultAbsolute || g.Idle.Sub(g.Created) != client.DefaultIdle {
		t.Errorf("grant lives until %v and %v, want the client's lives", g.Idle, g.Absolute)
	}
	c := routetest.Claims(t, got.Text("access_token"))
	if c["sub"] != h.Ada || c["sid"] != g.ID || c["client_id"] != routetest.Phone {
		t.Errorf("claims = %v, want those of the grant", c)
	}
	if n := h.Entries(session.ActionGrant); n != 1 {
		t.Errorf("the trail has %d grants, want 1", n)
	}
	if log := h.Log.String(); strings.Contains(log, "tsr_") || strings.Contains(log, routetest.Password) {
		t.Errorf("log = %s holds a secret", log)
	}
}

// A client with a secret proves it, and its grants stay bound to it.
func TestClientWithASecret(t *testing.T) {
	h := newHome(t)
	body := []string{"client_id", routetest.Backend, "user_name", "ada", "password", routetest.Password}
	got := routetest.Do(h.route, routetest.JSON("/login", append(body, "client_secret", h.Secret)...))
	handle, err := h.Handles().Parse(t.Context(), got.Text("refresh_token"))
	if err != nil {
		t.Fatalf("answer = %d %s: %v", got.Status, got.Body, err)
	}
	if g, err := h.Sessions().Grant(t.Context(), h.Ada, handle.Grant); err != nil || !g.Bound {
		t.Errorf("grant = %+v, %v, want a bound one", g, err)
	}
	if got := routetest.Do(h.route, routetest.JSON("/login", body...)); got.Status != 401 || got.Error() != "invalid_client" {
		t.Errorf("without the secret = %d %s, want 401 invalid_client", got.Status, got.Body)
	}
}

// A client that proves a key gets tokens that are worth nothing without it. A client
// that must prove one is refused before the password is looked at.
func TestClientWithAKey(t *testing.T) {
	h := newHome(t)
	careful := h.Client("careful")
	careful.RequireDPoP = true
	h.Register(careful)
	ask := func(id, password string) *http.Request {
		return routetest.JSON("/login", "client_id", id, "user_name", "ada", "password", password)
	}
	if got := routetest.Do(h.route, ask("careful", "wrong")); got.Status != 400 || got.Error() != "invalid_dpop_proof" {
		t.Errorf("without a proof = %d %s, want 400 invalid_dpop_proof", got.Status, got.Body)
	}
	if n := h.Entries(""); n != 0 {
		t.Errorf("the trail has %d entries, want none", n)
	}
	for _, id := range []string{"careful", routetest.Phone} {
		key := h.Prover()
		request := ask(id, routetest.Password)
		key.Prove(request, "/login")
		got := routetest.Do(h.route, request)
		if got.Status != 200 || got.Text("token_type") != "DPoP" || routetest.Claims(t, got.Text("access_token"))["cnf"] == nil {
			t.Fatalf("%s: answer = %d %s, want bound tokens", id, got.Status, got.Body)
		}
		handle, err := h.Handles().Parse(t.Context(), got.Text("refresh_token"))
		if err != nil {
			t.Fatal(err)
		}
		if g, err := h.Sessions().Grant(t.Context(), h.Ada, handle.Grant); err != nil || g.JKT == "" {
			t.Errorf("%s: grant = %+v, %v, want one that is bound to the key", id, g, err)
		}
	}
}

func TestPageOfAClient(t *testing.T) {
	h := newHome(t)
	got := routetest.Do(h.route, page("ada", routetest.Password))
	rt := got.Cookie(websec.RefreshCookie)
	if got.Status != 200 || rt == nil || rt.SameSite != http.SameSiteStrictMode || rt.MaxAge != int(client.DefaultAbsolute/time.Second) {
		t.Fatalf("answer = %d %s, cookie %v, want 200 with the refresh cookie", got.Status, got.Body, rt)
	}
	if strings.Contains(got.Body, "tsr_") || got.JSON["session"] == nil || got.Cookie(websec.BrowserCookie) == nil {
		t.Errorf("answer = %s %v, want no refresh token, the session's ends and a named browser", got.Body, got.Header)
	}
	if got.Header.Get("Access-Control-Allow-Origin") != routetest.App {
		t.Errorf("headers = %v, want the page to be allowed to read", got.Header)
	}
	_, token, _ := strings.Cut(rt.Value, ".")
	old, err := h.Handles().Parse(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	again := page("ada", routetest.Password)
	again.AddCookie(&http.Cookie{Name: rt.Name, Value: rt.Value})
	if got := routetest.Do(h.route, again); got.Status != 200 || got.Cookie(websec.RefreshCookie).Value == rt.Value {
		t.Errorf("second sign-in = %d %s, want another cookie", got.Status, got.Body)
	}
	if _, err := h.Sessions().Grant(t.Context(), h.Ada, old.Grant); err == nil {
		t.Error("after a second sign-in the grant of the first one's cookie lives")
	}
}

func TestWhatAClientMayAskFor(t *testing.T) {
	h := newHome(t)
	tests := []struct {
		name  string
		more  []string
		scope string // of the token
		all   string // of the grant
	}{
		{"the default", nil, "orders:read orders:write", "orders:read orders:write"},
		{"a scope", []string{"scope", "orders:read"}, "orders:read", "orders:read"},
		{"a resource", []string{"resource", routetest.Billing}, "billing:read", "billing:read"},
		{"our API", []string{"resource", routetest.Issuer + "/api"}, "sessions", "sessions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(h.route, phone("ada", routetest.Password, tt.more...))
			if got.Status != 200 || got.Text("scope") != tt.scope {
				t.Fatalf("answer = %d %s, want scope %q", got.Status, got.Body, tt.scope)
			}
			handle, err := h.Handles().Parse(t.Context(), got.Text("refresh_token"))
			if err != nil {
				t.Fatal(err)
			}
			if g, err := h.Sessions().Grant(t.Context(), h.Ada, handle.Grant); err != nil || g.Scope != tt.all {
				t.Errorf("grant = %+v, %v, want scope %q", g, err, tt.all)
			}
		})
	}
}

// A wrong request is refused before the password is looked at: these are sent with a
// wrong password.
func TestRefusedClients(t *testing.T) {
	h := newHome(t)
	third := h.Client("third-party")
	third.FirstParty = false
	h.Register(third)
	withoutGrant := h.Client("without-grant")
	withoutGrant.Grants = []string{}
	h.Register(withoutGrant)
	pageWithSecret := h.Client("page-with-secret", routetest.App)
	pageWithSecret.AuthMethods = nil
	secret := h.Register(pageWithSecret)
	ask := func(id string, more ...string) *http.Request {
		return routetest.JSON("/login", append([]string{"client_id", id, "user_name", "ada", "password", "wrong"}, more...)...)
	}
	from := func(r *http.Request, origin string) *http.Request {
		r.Header.Set("Origin", origin)
		return r
	}
	tests := []struct {
		name    string
		request *http.Request
		status  int
		code    oauth.Code
	}{
		{"no client", routetest.JSON("/login", "user_name", "ada", "password", "wrong"), 401, oauth.InvalidClient},
		{"unknown client", ask("nobody"), 401, oauth.InvalidClient},
		{"somebody else's client", ask("third-party"), 400, oauth.UnauthorizedClient},
		{"client without the grant type", ask("without-grant"), 400, oauth.UnauthorizedClient},
		{"page of another site", from(ask(routetest.Web), "https://evil.example"), 403, oauth.InvalidRequest},
		{"page of another client", from(ask(routetest.Web), routetest.OtherApp), 403, oauth.InvalidRequest},
		{"page of a client that has none", from(ask(routetest.Phone), routetest.App), 403, oauth.InvalidRequest},
		{"page without an origin of its own", from(ask(routetest.Web), "null"), 403, oauth.InvalidRequest},
		{"page with a secret", from(ask("page-with-secret", "client_secret", secret), routetest.App), 400, oauth.UnauthorizedClient},
		{"scope", ask(routetest.Phone, "scope", "orders:delete"), 400, oauth.InvalidScope},
		{"scope of another resource", ask(routetest.Phone, "scope", "billing:read"), 400, oauth.InvalidScope},
		{"resource", ask(routetest.Phone, "resource", "https://evil.example"), 400, oauth.InvalidTarget},
		{"no user name", ask(routetest.Phone, "user_name", ""), 400, oauth.InvalidRequest},
		{"no password", ask(routetest.Phone, "password", ""), 400, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(h.route, tt.request)
			if got.Status != tt.status || got.Error() != string(tt.code) || len(got.Header.Values("Set-Cookie")) != 0 {
				t.Errorf("answer = %d %s, want %d %s and no cookie", got.Status, got.Body, tt.status, tt.code)
			}
		})
	}
	if n := h.Entries(""); n != 0 {
		t.Errorf("the trail has %d entries, want none", n)
	}
}

func TestRefusedPasswordsOfClients(t *testing.T) {
	h := newHome(t)
	h.disable("grace")
	var first routetest.Answer
	for i, r := range []*http.Request{
		phone("ada", "wrong"), phone("nobody", "wrong"), phone("grace", routetest.Password), phone("nobody", routetest.Password),
		phone("ada ", routetest.Password), phone("ada", strings.ToUpper(routetest.Password)), phone("ada", routetest.Password+" "),
	} {
		got := routetest.Do(h.route, r)
		if got.Status != 400 || got.Error() != "invalid_grant" {
			t.Fatalf("try %d = %d %s, want 400 invalid_grant", i, got.Status, got.Body)
		}
		if i == 0 {
			first = got
		}
		if got.Body != first.Body || len(got.Header) != len(first.Header) {
			t.Errorf("try %d answers %s %v, a wrong password %s %v", i, got.Body, got.Header, first.Body, first.Header)
		}
	}
	h.Pass(throttle.Memory)
	for _, name := range []string{"ada", "nobody"} {
		var got routetest.Answer
		for range throttle.Free + 1 {
			got = routetest.Do(h.route, phone(name, "wrong"))
		}
		if got.Status != 429 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") != "1" {
			t.Errorf("%s too often = %d %s, want 429 temporarily_unavailable", name, got.Status, got.Body)
		}
	}
}

// A change between reading a user and creating their session decides. A user who was
// signed out everywhere signs in again. A user who was disabled, or got another
// password, does not.
func TestRaces(t *testing.T) {
	h := newHome(t)
	hash, err := h.People().Hash(t.Context(), "another password")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change dynamo.UserChange
		status int
	}{
		{"signed out everywhere", dynamo.UserChange{}, 200},
		{"another password", dynamo.UserChange{Changes: dynamo.Changes{Set: dynamo.Item{identity.AttrPassword: dynamo.Text(hash)}}}, 400},
		{"disabled", disabled, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The pepper is read after the user.
			people, between := h.People(), new(sync.Once)
			peppers := people.Peppers
			people.Peppers = func(ctx context.Context, id string) (identity.Pepper, error) {
				between.Do(func() {
					if _, err := h.Sessions().ChangeUser(ctx, h.Ada, tt.change, session.Cause{Why: session.Revoked}); err != nil {
						t.Error(err)
					}
				})
				return peppers(ctx, id)
			}
			got := routetest.Do(h.with(people), phone("ada", routetest.Password))
			if got.Status != tt.status {
				t.Errorf("answer = %d %s, want %d", got.Status, got.Body, tt.status)
			}
			items, err := h.Sessions().List(t.Context(), h.Ada)
			if err != nil || (len(items) == 1) != (tt.status == 200) {
				t.Errorf("sessions = %v, %v after an answer of %d", items, err, got.Status)
			}
		})
	}
}
