package authorize_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// isPage fails unless an answer is a page without a redirect or a link to another site.
func isPage(t *testing.T, name string, got routetest.Answer, status int) {
	t.Helper()
	if got.Status != status || got.Header.Get("Location") != "" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s: answer = %d %v, want a page with %d", name, got.Status, got.Header, status)
	}
	policy := got.Header.Get("Content-Security-Policy")
	if !strings.HasSuffix(policy, "form-action 'self'") || got.Header.Get("Cache-Control") != "no-store" || strings.Contains(got.Body, "evil") || strings.Contains(got.Body, "<script") {
		t.Errorf("%s: the page is %v\n%s\nwant one that leads nowhere, with nothing of the request in it", name, got.Header, got.Body)
	}
}

// Until the client and its redirect URI are validated, an error is shown to the user only.
func TestPagesInsteadOfRedirects(t *testing.T) {
	s := newScene(t)
	twice := func(name, second string) string {
		return request(own).Encode() + "&" + url.Values{name: {second}}.Encode()
	}
	for name, query := range map[string]string{
		"nothing":                       "",
		"no client":                     request("").Encode(),
		"unknown client":                request("evil-client").Encode(),
		"a client id that is none":      request("../own").Encode(),
		"disabled client":               request(disabled).Encode(),
		"a client that is a document":   request("https://evil.example/client.json").Encode(),
		"a client that made its id":     request("tsd_AAAA").Encode(),
		"two clients":                   twice("client_id", others),
		"the same client twice":         twice("client_id", own),
		"no redirect_uri":               request(own, "redirect_uri", "").Encode(),
		"two redirect_uris":             twice("redirect_uri", "https://evil.example/cb"),
		"foreign redirect_uri":          request(own, "redirect_uri", "https://evil.example/cb").Encode(),
		"another client's redirect_uri": request(own, "redirect_uri", "com.example.app:/cb").Encode(),
		"all that is wrong":             "client_id=own&redirect_uri=https://evil.example&response_type=token&response_mode=form_post&state=evil",
		"a form_post elsewhere":         request(own, "redirect_uri", "https://evil.example/cb", "response_mode", "form_post").Encode(),
		"without asking anybody":        request(own, "redirect_uri", "https://evil.example/cb", "prompt", "none").Encode(),
		"a broken escape":               request(own).Encode() + "&x=%zz",
		"a semicolon":                   request(own).Encode() + "&x=1;y=2",
		"foreign request_uri":           url.Values{"client_id": {own}, "request_uri": {"urn:ietf:params:oauth:request_uri:evil"}}.Encode(),
		"a request elsewhere":           request(own, "request_uri", "https://app.example.com/request").Encode(),
		"a request at our own":          request(own, "request_uri", "http://127.0.0.1:1/request").Encode(),
		"two request_uris":              twice("request_uri", "urn:ietf:params:oauth:request_uri:a") + "&request_uri=urn:ietf:params:oauth:request_uri:b",
	} {
		for who, b := range map[string]interface {
			Get(string) routetest.Answer
		}{"signed in": s.signedIn(), "nobody": s.nobody()} {
			isPage(t, name+", "+who, b.Get("/authorize?"+query), 400)
		}
	}
	if n := s.Entries("consent.give"); n != 0 {
		t.Errorf("the trail has %d consents, want none", n)
	}
}

// After that the error goes to the client, with its state and the issuer.
func TestRedirectedRefusals(t *testing.T) {
	s := newScene(t)
	for _, tt := range []struct {
		name    string
		query   url.Values
		code    string
		without bool // no state
	}{
		{"client without the grant", request(machine), "unauthorized_client", false},
		{"no response_type", request(own, "response_type", ""), "invalid_request", false},
		{"implicit", request(own, "response_type", "token"), "unsupported_response_type", false},
		{"hybrid", request(own, "response_type", "code id_token"), "unsupported_response_type", false},
		{"none", request(own, "response_type", "none"), "unsupported_response_type", false},
		{"type in other case", request(own, "response_type", "Code"), "unsupported_response_type", false},
		{"fragment", request(own, "response_mode", "fragment"), "invalid_request", false},
		{"a mode of JWTs", request(own, "response_mode", "query.jwt"), "invalid_request", false},
		{"no challenge", request(own, "code_challenge", ""), "invalid_request", false},
		{"no method", request(own, "code_challenge_method", ""), "invalid_request", false},
		{"plain", request(own, "code_challenge_method", "plain"), "invalid_request", false},
		{"short challenge", request(own, "code_challenge", challenge[1:]), "invalid_request", false},
		{"long challenge", request(own, "code_challenge", challenge+"A"), "invalid_request", false},
		{"challenge in the other alphabet", request(own, "code_challenge", "+"+challenge[1:]), "invalid_request", false},
		{"challenge with loose bits", request(own, "code_challenge", challenge[:42]+"B"), "invalid_request", false},
		{"challenge with padding", request(own, "code_challenge", challenge+"="), "invalid_request", false},
		{"scope that is none", request(own, "scope", "orders:read  orders:write"), "invalid_scope", false},
		{"unknown scope", request(own, "scope", "orders:delete"), "invalid_scope", false},
		{"scope of another resource", request(own, "scope", "billing:read"), "invalid_scope", false},
		{"unknown resource", request(own, "resource", "https://evil.example"), "invalid_target", false},
		{"resource with a fragment", request(own, "resource", orders+"#x"), "invalid_target", false},
		{"relative resource", request(own, "resource", "/api"), "invalid_target", false},
		{"key that is none", request(own, "dpop_jkt", "abc"), "invalid_request", false},
		{"request object", request(own, "request", "eyJ"), "request_not_supported", false},
		{"not pushed", request(strict), "invalid_request", false},
		{"unknown prompt", request(own, "prompt", "create"), "invalid_request", false},
		{"none and more", request(own, "prompt", "none login"), "invalid_request", false},
		{"max_age that is none", request(own, "max_age", "-1"), "invalid_request", false},
		{"max_age in words", request(own, "max_age", "1h"), "invalid_request", false},
		{"max_age beyond all", request(own, "max_age", "99999999999"), "invalid_request", false},
		{"acr_values with a tab", request(own, "acr_values", "aal2\taal1"), "invalid_request", false},
		{"weaker than acr_values", request(own, "prompt", "none", "acr_values", "aal2"), "interaction_required", false},
		{"too long for a browser", request(own, "scope", strings.Repeat("s", 4000)), "invalid_request", false},
		{"long nonce", request(own, "nonce", strings.Repeat("n", 513)), "invalid_request", false},
		{"long state", request(own, "state", strings.Repeat("s", 2049)), "invalid_request", true},
		{"state with a line end", request(own, "state", "a\r\nb"), "invalid_request", true},
		{"state that is no text", request(own, "state", "\xff"), "invalid_request", true},
		{"nonce with a zero", request(own, "nonce", "a\x00b"), "invalid_request", false},
		{"consent to nobody", request(others, "prompt", "none"), "consent_required", false},
		{"somebody else", request(own, "prompt", "none", "login_hint", "eve"), "account_selection_required", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fields := s.sent(get(s.signedIn(), tt.query), callback)
			if fields.Get("error") != tt.code || fields.Get("code") != "" || fields.Get("iss") != routetest.Issuer {
				t.Errorf("answer = %v, want %s with the issuer and no code", fields, tt.code)
			}
			if want := tt.query.Get("state"); !tt.without && fields.Get("state") != want || tt.without && fields.Has("state") {
				t.Errorf("answer = %v, want the state as it was sent, or none", fields)
			}
			described := fields.Get("error_description")
			if described == "" || strings.ContainsFunc(described, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
				t.Errorf("description = %q, want what RFC 6749 allows", described)
			}
		})
	}
}

// A request that does not fit into a code is refused with an error to the client.
func TestMoreThanACodeCanCarry(t *testing.T) {
	s := newScene(t)
	long := []string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		id := "https://" + name + ".example.com/" + strings.Repeat("x", 450)
		long = append(long, id)
		s.Protect(client.Resource{ID: id, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "read"}}})
	}
	s.add("large", func(c *client.Client) {
		c.FirstParty, c.Access = true, nil
		for _, id := range long {
			c.Access = append(c.Access, client.Access{Resource: id, Scopes: []string{"read"}})
		}
	})
	query := request("large")
	query["resource"] = long
	if fields := s.sent(get(s.signedIn(), query), callback); fields.Get("error") != "invalid_request" || fields.Get("state") == "" {
		t.Errorf("answer = %v, want invalid_request", fields)
	}
	query["resource"] = long[:2]
	if c := s.let(get(s.signedIn(), query)); len(c.Audience) != 2 {
		t.Errorf("half of it = %+v, want a code", c)
	}
}

// A repeated parameter is refused, and a repeated state is not returned.
func TestRepeatedParameters(t *testing.T) {
	s := newScene(t)
	for _, name := range []string{"scope", "state", "nonce", "code_challenge", "response_type", "response_mode", "prompt", "since", "unknown"} {
		query := request(own, "scope", "orders:read").Encode() + "&" + name + "=x&" + name + "=x"
		fields := s.sent(s.signedIn().Get("/authorize?"+query), callback)
		if fields.Get("error") != "invalid_request" || (name == "state") == fields.Has("state") {
			t.Errorf("%s twice = %v, want invalid_request", name, fields)
		}
	}
	query := request(own).Encode() + "&resource=" + url.QueryEscape(orders) + "&resource=" + url.QueryEscape(billing)
	if c := s.let(s.signedIn().Get("/authorize?" + query)); len(c.Audience) != 2 {
		t.Errorf("two resources = %v, want both", c.Audience)
	}
	for range 10 {
		query += "&resource=" + url.QueryEscape(orders)
	}
	if fields := s.sent(s.signedIn().Get("/authorize?"+query), callback); fields.Get("error") != "invalid_request" {
		t.Errorf("twelve resources = %v, want invalid_request", fields)
	}
}

// An outage of a table is neither an error of the client nor a denial by the user.
// Before the redirect URI is validated it is a page.
func TestOutage(t *testing.T) {
	s := newScene(t)
	s.handler.Browser.Sessions.Sessions = "no-such-table"
	b := s.signedIn()
	got := get(b, request(own))
	if fields := s.sent(got, callback); fields.Get("error") != "temporarily_unavailable" || strings.Contains(got.Header.Get("Location"), "no-such-table") {
		t.Errorf("answer = %v, want temporarily_unavailable and no detail", fields)
	}
	if b.Cookies["__Host-sid"] == "" {
		t.Error("an outage signs the person out")
	}
	s.handler.Clients.Table = "no-such-table"
	isPage(t, "no client can be read", get(s.signedIn(), request(others)), 503)
}
