package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTokenResponse: the answer has every member that strict clients check (RFC 6749
// §5.1), with the credentials in the header and in the body.
func TestTokenResponse(t *testing.T) {
	posted := tokenRequest(url.Values{"client_id": {target.clientID}, "client_secret": {target.clientSecret}})
	posted.id, posted.secret = "", ""
	for name, r := range map[string]request{"client_secret_basic": tokenRequest(nil), "client_secret_post": posted} {
		t.Run(name, func(t *testing.T) {
			a := r.do(t)
			if a.status != http.StatusOK {
				t.Fatalf("status = %d %s, want 200", a.status, a.body)
			}
			a.uncached(t)
			got := a.object(t)
			if got["token_type"] != "Bearer" {
				t.Errorf("token_type = %v, want Bearer", got["token_type"])
			}
			if got["scope"] != target.scope {
				t.Errorf("scope = %v, want %q", got["scope"], target.scope)
			}
			lifetime, err := got["expires_in"].(json.Number).Int64()
			if err != nil || lifetime < 1 || lifetime > 3600 {
				t.Errorf("expires_in = %v (%v), want a number of seconds up to an hour", got["expires_in"], err)
			}
			if jwt, _ := got["access_token"].(string); strings.Count(jwt, ".") != 2 {
				t.Errorf("access_token = %v, want a JWT", got["access_token"])
			}
			for _, absent := range []string{"refresh_token", "id_token", "error"} {
				if v, ok := got[absent]; ok {
					t.Errorf("%s = %v, want the member absent", absent, v)
				}
			}
		})
	}
}

// TestTokenOfADefault: a request without scope and resource gets a token of the
// client's default resource with all its scopes there.
func TestTokenOfADefault(t *testing.T) {
	a := tokenRequest(url.Values{"scope": nil, "resource": nil}).do(t)
	if a.status != http.StatusOK {
		t.Fatalf("status = %d %s, want 200", a.status, a.body)
	}
	got := a.object(t)
	scope, _ := got["scope"].(string)
	for _, want := range strings.Fields(target.scope) {
		if !strings.Contains(" "+scope+" ", " "+want+" ") {
			t.Errorf("scope = %q, want it to contain %q", scope, want)
		}
	}
}

// TestResourceWithARootSlash: a resource with the slash of an empty path is the same
// resource (RFC 3986 §6.2.3). MCP clients send it.
func TestResourceWithARootSlash(t *testing.T) {
	u, err := url.Parse(target.resource)
	if err != nil || u.Path != "" {
		t.Fatalf("resource %q has a path (%v); the suite needs one that is an origin", target.resource, err)
	}
	for _, spelling := range []string{target.resource + "/", strings.ToUpper(u.Scheme) + "://" + strings.ToUpper(u.Host)} {
		a := tokenRequest(url.Values{"resource": {spelling}}).do(t)
		if a.status != http.StatusOK {
			t.Errorf("resource %q: %d %s, want 200", spelling, a.status, a.body)
			continue
		}
		if got := introspect(t, a.object(t)["access_token"].(string)).object(t); got["aud"] != target.resource {
			t.Errorf("resource %q: aud = %v, want %q", spelling, got["aud"], target.resource)
		}
	}
}

// TestTokenRefusals: an invalid request is refused with the error code that tells the
// client what to do next (RFC 6749 §5.2).
func TestTokenRefusals(t *testing.T) {
	with := func(change url.Values) request { return tokenRequest(change) }
	as := func(id, secret string, change url.Values) request {
		r := tokenRequest(change)
		r.id, r.secret = id, secret
		return r
	}
	raw := func(contentType, body string) request {
		r := tokenRequest(nil)
		r.form, r.body = nil, body
		r.header = http.Header{"Content-Type": {contentType}}
		return r
	}
	const form = "application/x-www-form-urlencoded"
	body := tokenRequest(nil).form.Encode()

	tests := map[string]struct {
		request   request
		status    int
		code      string
		challenge bool
	}{
		"wrong secret in the header":  {as(target.clientID, target.clientSecret+"x", nil), 401, "invalid_client", true},
		"wrong secret in the body":    {as("", "", url.Values{"client_id": {target.clientID}, "client_secret": {"wrong"}}), 401, "invalid_client", false},
		"empty secret":                {as(target.clientID, "", nil), 401, "invalid_client", true},
		"unknown client":              {as("nobody", "nothing", nil), 401, "invalid_client", true},
		"suspended client":            {as(target.suspendedID, target.suspendedSecret, nil), 401, "invalid_client", true},
		"a client without the grant":  {as(target.serverID, target.serverSecret, nil), 400, "unauthorized_client", false},
		"no credentials":              {as("", "", nil), 401, "invalid_client", false},
		"no secret":                   {as("", "", url.Values{"client_id": {target.clientID}}), 401, "invalid_client", false},
		"two methods at once":         {with(url.Values{"client_id": {target.clientID}, "client_secret": {target.clientSecret}}), 400, "invalid_request", false},
		"no grant type":               {with(url.Values{"grant_type": nil}), 400, "invalid_request", false},
		"empty grant type":            {with(url.Values{"grant_type": {""}}), 400, "invalid_request", false},
		"grant type not served":       {with(url.Values{"grant_type": {"password"}}), 400, "unsupported_grant_type", false},
		"grant type in capitals":      {with(url.Values{"grant_type": {"CLIENT_CREDENTIALS"}}), 400, "unsupported_grant_type", false},
		"unknown scope":               {with(url.Values{"scope": {"no-such-scope"}}), 400, "invalid_scope", false},
		"one scope too many":          {with(url.Values{"scope": {target.scope + " no-such-scope"}}), 400, "invalid_scope", false},
		"scope with a quote":          {with(url.Values{"scope": {`"`}}), 400, "invalid_scope", false},
		"unknown resource":            {with(url.Values{"resource": {"https://no-such.example"}}), 400, "invalid_target", false},
		"resource with a fragment":    {with(url.Values{"resource": {target.resource + "#x"}}), 400, "invalid_target", false},
		"relative resource":           {with(url.Values{"resource": {"orders"}}), 400, "invalid_target", false},
		"the resource API, unallowed": {with(url.Values{"resource": {target.url + "/api"}}), 400, "invalid_target", false},
		"repeated grant type":         {raw(form, body+"&grant_type=client_credentials"), 400, "invalid_request", false},
		"repeated scope":              {raw(form, body+"&scope=x"), 400, "invalid_request", false},
		"repeated unknown parameter":  {raw(form, body+"&x=1&x=2"), 400, "invalid_request", false},
		"broken escape":               {raw(form, body+"&x=%zz"), 400, "invalid_request", false},
		"semicolons":                  {raw(form, strings.ReplaceAll(body, "&", ";")), 400, "invalid_request", false},
		"JSON":                        {raw("application/json", `{"grant_type":"client_credentials"}`), 400, "invalid_request", false},
		"no content type":             {raw("", body), 400, "invalid_request", false},
		"empty body":                  {raw(form, ""), 400, "invalid_request", false},
		"more than 32 KiB":            {raw(form, body+"&x="+strings.Repeat("x", 32<<10)), 400, "invalid_request", false},
		"parameters in the URL": {
			request{method: "POST", path: "/token?" + body, id: target.clientID, secret: target.clientSecret, form: url.Values{}},
			400, "invalid_request", false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			refused(t, tt.request.do(t), tt.status, tt.code)
			a := tt.request.do(t)
			if got := a.header.Get("WWW-Authenticate"); (got != "") != tt.challenge {
				t.Errorf("WWW-Authenticate = %q, want one: %t", got, tt.challenge)
			}
		})
	}
}

// TestBrokenBasicCredentials: malformed Basic credentials are invalid_client, not a
// server error.
func TestBrokenBasicCredentials(t *testing.T) {
	for _, header := range []string{"Basic", "Basic !", "Basic bm9jb2xvbg==", "Basic Og==", "Bearer x", "Basic JTp4", "x"} {
		r := tokenRequest(nil)
		r.id = ""
		r.header = http.Header{"Authorization": {header}}
		a := r.do(t)
		code, _ := a.object(t)["error"].(string)
		if (a.status != 401 || code != "invalid_client") && (a.status != 400 || code != "invalid_request") {
			t.Errorf("Authorization %q: %d %s, want invalid_client or invalid_request", header, a.status, a.body)
		}
	}
}

// refused checks a refusal: the status, the error code, a description in plain ASCII,
// the URI of a page about the code, and no caching.
func refused(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status = %d %s, want %d", a.status, a.body, status)
	}
	a.uncached(t)
	got := a.object(t)
	if got["error"] != code {
		t.Errorf("error = %v (%v), want %s", got["error"], got["error_description"], code)
	}
	description, _ := got["error_description"].(string)
	if strings.ContainsFunc(description, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		t.Errorf("error_description %q has characters that RFC 6749 §5.2 forbids", description)
	}
	if page, _ := got["error_uri"].(string); !strings.HasPrefix(page, "https://") {
		t.Errorf("error_uri = %v, want a page", got["error_uri"])
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Error("X-Request-Id is missing")
	}
}
