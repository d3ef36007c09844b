package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestShapes: each answer has what strict clients check, that is the exact status, the
// content type, and no caching of secrets.
func TestShapes(t *testing.T) {
	begun := target.notes.signedIn(t, someone(), nil)
	access := text(t, begun, "access_token")
	push := request{method: "POST", path: "/par", id: target.notes.id, secret: target.notes.secret, form: target.notes.asked(nil)}
	device := request{method: "POST", path: "/device_authorization", form: url.Values{"client_id": {target.televisionID}, "scope": {"openid"}}}
	for _, tt := range []struct {
		name    string
		request request
		status  int
		members []string
	}{
		{"a code's tokens", target.portal.redemption(target.portal.code(t, someone(), nil), nil), 200, []string{"access_token", "token_type", "expires_in", "scope", "id_token", "refresh_token"}},
		{"a pushed request", push, 201, []string{"request_uri", "expires_in"}},
		{"a device's code", device, 200, []string{"device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval"}},
		{"userinfo", request{method: "GET", path: "/userinfo", header: bearer(access)}, 200, []string{"sub"}},
		{"userinfo by POST", request{method: "POST", path: "/userinfo", header: bearer(access)}, 200, []string{"sub"}},
		{"userinfo without a token", request{method: "GET", path: "/userinfo"}, 401, nil},
		{"userinfo with a bad one", request{method: "GET", path: "/userinfo", header: bearer("a.b.c")}, 401, []string{"error"}},
		{"a bad code", target.notes.redemption("tsc_nothing", nil), 400, []string{"error", "error_description"}},
		{"a bad device code", request{method: "POST", path: "/token", form: url.Values{
			"client_id": {target.televisionID}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"tsv_nothing"},
		}}, 400, []string{"error", "error_description"}},
		{"a pushed request of an unknown client", request{method: "POST", path: "/par", form: url.Values{"client_id": {"nobody"}}}, 401, []string{"error"}},
		{"a bad pushed request", request{method: "POST", path: "/par", id: target.notes.id, secret: target.notes.secret, form: target.notes.asked(url.Values{"redirect_uri": {"https://evil.example"}})}, 400, []string{"error"}},
		{"a device that may not", request{method: "POST", path: "/device_authorization", id: target.notes.id, secret: target.notes.secret, form: url.Values{"scope": {"openid"}}}, 400, []string{"error"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := tt.request.do(t)
			if a.status != tt.status {
				t.Fatalf("= %d %s, want %d", a.status, a.body, tt.status)
			}
			a.uncached(t)
			if tt.members == nil {
				return
			}
			object := a.object(t)
			for _, name := range tt.members {
				if value, there := object[name]; !there || value == nil || value == "" {
					t.Errorf("%s = %v, want it in %s", name, value, a.body)
				}
			}
			for _, name := range []string{"expires_in", "interval"} {
				if value, there := object[name]; there {
					if n, ok := value.(json.Number); !ok || strings.Trim(n.String(), "0") == "" {
						t.Errorf("%s = %v, want a number", name, value)
					}
				}
			}
			if got := a.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type = %q, want application/json", got)
			}
		})
	}
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// TestChallengesOfUserinfo: 401 has the challenge that a client needs (RFC 6750 §3,
// RFC 9728 §5.1), and no error code when the request had no token.
func TestChallengesOfUserinfo(t *testing.T) {
	without := request{method: "GET", path: "/userinfo"}.do(t).header.Get("WWW-Authenticate")
	if !strings.HasPrefix(without, "Bearer") || strings.Contains(without, "error=") {
		t.Errorf("without a token: WWW-Authenticate = %q, want Bearer and no error", without)
	}
	bad := request{method: "GET", path: "/userinfo", header: bearer("a.b.c")}.do(t).header.Get("WWW-Authenticate")
	if !strings.HasPrefix(bad, "Bearer") || !strings.Contains(bad, `error="invalid_token"`) {
		t.Errorf("with a bad token: WWW-Authenticate = %q, want invalid_token", bad)
	}
	machine := request{method: "GET", path: "/userinfo", header: bearer(token(t))}.do(t)
	if machine.status != 401 && machine.status != 403 {
		t.Errorf("a machine's token at /userinfo = %d %s, want it refused", machine.status, machine.body)
	}
}

// TestErrorPages: before client and redirect URI have been verified, an error is a
// page for the user and never a redirect.
func TestErrorPages(t *testing.T) {
	for name, change := range map[string]url.Values{
		"no client":                 {"client_id": nil},
		"an unknown client":         {"client_id": {"nobody"}},
		"a suspended client":        {"client_id": {target.suspendedID}},
		"no redirect URI":           {"redirect_uri": nil},
		"another redirect URI":      {"redirect_uri": {"https://evil.example/callback"}},
		"one with a slash more":     {"redirect_uri": {target.notes.redirect + "/"}},
		"one with a query":          {"redirect_uri": {target.notes.redirect + "?x"}},
		"one in another case":       {"redirect_uri": {strings.ToUpper(target.notes.redirect)}},
		"one that leads up":         {"redirect_uri": {"https://notes.example/x/../callback"}},
		"one with a user":           {"redirect_uri": {"https://notes.example@evil.example/callback"}},
		"two redirect URIs":         {"redirect_uri": {target.notes.redirect, "https://evil.example"}},
		"two clients":               {"client_id": {target.notes.id, target.portal.id}},
		"an unknown pushed request": {"request_uri": {"urn:ietf:params:oauth:request_uri:tsp_nothing"}},
		"a request_uri of a URL":    {"request_uri": {"http://127.0.0.1:1/request"}},
		"a script":                  {"redirect_uri": {"javascript:alert(1)"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := request{method: "GET", path: "/authorize?" + target.notes.asked(change).Encode()}.do(t)
			if a.status != 400 || a.header.Get("Location") != "" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
				t.Errorf("= %d %v to %q, want a page with 400", a.status, a.header.Get("Content-Type"), a.header.Get("Location"))
			}
			page(t, a)
		})
	}
}

// page checks the headers of a page.
func page(t *testing.T, a answer) {
	t.Helper()
	policy := a.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("Content-Security-Policy = %q, want nothing allowed that is not said", policy)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if got := a.header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s = %q, want %s", name, got, want)
		}
	}
	if got := a.header.Get("Referrer-Policy"); got != "no-referrer" && got != "same-origin" {
		t.Errorf("Referrer-Policy = %q, want no-referrer", got)
	}
	if strings.Contains(string(a.body), "evil.example\"") {
		t.Errorf("the page links text of the request:\n%s", a.body)
	}
}

// TestErrorRedirects: other errors of a request are redirected to the client, with
// its state and the issuer (RFC 9207 §2).
func TestErrorRedirects(t *testing.T) {
	for name, tt := range map[string]struct {
		change url.Values
		code   string
	}{
		"another response type": {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		"no response type":      {url.Values{"response_type": nil}, "invalid_request"},
		"no challenge":          {url.Values{"code_challenge": nil}, "invalid_request"},
		"a plain challenge":     {url.Values{"code_challenge_method": {"plain"}}, "invalid_request"},
		"an unknown scope":      {url.Values{"scope": {"no-such-scope"}}, "invalid_scope"},
		"an unknown resource":   {url.Values{"resource": {"https://no-such.example"}}, "invalid_target"},
		"prompt=none":           {url.Values{"prompt": {"none"}}, "login_required"},
		"an unknown prompt":     {url.Values{"prompt": {"none login"}}, "invalid_request"},
		"a request in itself":   {url.Values{"request": {"a.b.c"}}, "request_not_supported"},
		"a parameter twice":     {url.Values{"nonce": {"a", "b"}}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			a := request{method: "GET", path: "/authorize?" + target.notes.asked(tt.change).Encode()}.do(t)
			to, err := url.Parse(a.header.Get("Location"))
			if err != nil || a.status != 302 && a.status != 303 {
				t.Fatalf("= %d to %q %v\n%s, want a redirect", a.status, a.header.Get("Location"), err, a.body)
			}
			q := to.Query()
			to.RawQuery = ""
			if to.String() != target.notes.redirect || q.Get("error") != tt.code || q.Get("state") != "a state" || q.Get("iss") != target.url || q.Has("code") {
				t.Errorf("leads to %s with %v, want %s with %s, state and issuer", to, q, target.notes.redirect, tt.code)
			}
			if got := a.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control = %q, want no-store", got)
			}
		})
	}
	t.Run("without a state none comes back", func(t *testing.T) {
		a := request{method: "GET", path: "/authorize?" + target.notes.asked(url.Values{"state": nil, "prompt": {"none"}}).Encode()}.do(t)
		if to, err := url.Parse(a.header.Get("Location")); err != nil || to.Query().Has("state") {
			t.Errorf("leads to %q, want no state", a.header.Get("Location"))
		}
	})
}

// TestOrigins: any page may call the endpoints that a browser-based client needs. No
// page of another origin may read our pages or introspect.
func TestOrigins(t *testing.T) {
	open := []string{"/par", "/userinfo", "/device_authorization", "/register", "/token", "/revoke"}
	for _, path := range append(open, "/authorize", "/device", "/logout", "/introspect") {
		a := request{method: "OPTIONS", path: path, header: http.Header{"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"POST"}}}.do(t)
		got, want := a.header.Get("Access-Control-Allow-Origin"), ""
		if slices.Contains(open, path) {
			want = "*"
		}
		if got != want || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: Access-Control-Allow-Origin = %q with credentials %q, want %q without", path, got, a.header.Get("Access-Control-Allow-Credentials"), want)
		}
		if want == "*" && !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "DPoP-Nonce") {
			t.Errorf("%s: Access-Control-Expose-Headers = %q, want DPoP-Nonce in it", path, a.header.Get("Access-Control-Expose-Headers"))
		}
	}
}
