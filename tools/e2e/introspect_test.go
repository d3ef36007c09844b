package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestIntrospection: the resource server learns the same as the client was given (RFC
// 7662 §2.2).
func TestIntrospection(t *testing.T) {
	a := introspect(t, token(t))
	if a.status != http.StatusOK {
		t.Fatalf("status = %d %s, want 200", a.status, a.body)
	}
	got := a.object(t)
	want := map[string]any{
		"active": true, "client_id": target.clientID, "scope": target.scope, "aud": target.resource,
		"iss": target.url, "sub": target.clientID, "token_type": "Bearer",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %v, want %v", name, got[name], value)
		}
	}
	now := time.Now().Unix()
	if exp := number(t, got, "exp"); exp <= now || exp > now+3600 {
		t.Errorf("exp = %d, want within an hour of %d", exp, now)
	}
	if iat := number(t, got, "iat"); iat < now-60 || iat > now+60 {
		t.Errorf("iat = %d, want about %d", iat, now)
	}
	if id, _ := got["jti"].(string); id == "" {
		t.Error("jti is missing")
	}
}

// TestIntrospectionCaching: a resource server may cache an active answer for ten
// seconds, and an inactive one not at all.
func TestIntrospectionCaching(t *testing.T) {
	if got := introspect(t, token(t)).header.Get("Cache-Control"); !strings.HasPrefix(got, "private, max-age=") {
		t.Errorf("active: Cache-Control = %q, want private with a max-age", got)
	}
	inactive := introspect(t, "nothing")
	inactive.uncached(t)
}

// TestInactiveTokens: for every value that is no active token of this resource server
// the answer is the same bare object, so that it reveals nothing.
func TestInactiveTokens(t *testing.T) {
	good := token(t)
	parts := strings.Split(good, ".")
	other := tokenRequest(nil)
	other.id, other.secret = target.serverID, target.serverSecret

	for name, presented := range map[string]string{
		"garbage":            "garbage",
		"looks like a JWT":   "a.b.c",
		"no signature":       parts[0] + "." + parts[1] + ".",
		"other signature":    parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"other header":       "eyJhbGciOiJub25lIn0." + parts[1] + "." + parts[2],
		"truncated":          good[:len(good)-1],
		"longer":             good + "A",
		"in other case":      strings.ToUpper(good),
		"a refresh token":    "tsr_" + strings.Repeat("A", 60),
		"a client secret":    target.clientSecret,
		"32 KiB of anything": strings.Repeat("x", 30<<10),
	} {
		t.Run(name, func(t *testing.T) {
			a := introspect(t, presented)
			if got := strings.TrimSpace(string(a.body)); a.status != http.StatusOK || got != `{"active":false}` {
				t.Errorf("%d %s, want 200 {\"active\":false}", a.status, got)
			}
			a.uncached(t)
		})
	}
}

// TestIntrospectionHint: the token_type_hint never changes the answer (RFC 7662
// §2.1).
func TestIntrospectionHint(t *testing.T) {
	presented := token(t)
	for _, hint := range []string{"access_token", "refresh_token", "no-such-type", ""} {
		a := request{
			method: "POST", path: "/introspect", id: target.serverID, secret: target.serverSecret,
			form: url.Values{"token": {presented}, "token_type_hint": {hint}},
		}.do(t)
		if a.object(t)["active"] != true {
			t.Errorf("hint %q: %s, want active", hint, a.body)
		}
	}
}

// TestIntrospectionRefusals: a refusal depends on the caller only, never on the
// token.
func TestIntrospectionRefusals(t *testing.T) {
	presented := token(t)
	as := func(id, secret string, form url.Values) request {
		return request{method: "POST", path: "/introspect", id: id, secret: secret, form: form}
	}
	good := url.Values{"token": {presented}}
	tests := map[string]struct {
		request   request
		status    int
		code      string
		challenge bool
	}{
		"no credentials":  {as("", "", good), 401, "invalid_client", false},
		"wrong secret":    {as(target.serverID, "wrong", good), 401, "invalid_client", true},
		"unknown server":  {as("nobody", "wrong", good), 401, "invalid_client", true},
		"no token":        {as(target.serverID, target.serverSecret, url.Values{}), 400, "invalid_request", false},
		"an empty token":  {as(target.serverID, target.serverSecret, url.Values{"token": {""}}), 400, "invalid_request", false},
		"two tokens":      {as(target.serverID, target.serverSecret, url.Values{"token": {"a", "b"}}), 400, "invalid_request", false},
		"two credentials": {as(target.serverID, target.serverSecret, url.Values{"token": {presented}, "client_id": {target.serverID}, "client_secret": {target.serverSecret}}), 400, "invalid_request", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := tt.request.do(t)
			refused(t, a, tt.status, tt.code)
			if got := a.header.Get("WWW-Authenticate"); (got != "") != tt.challenge {
				t.Errorf("WWW-Authenticate = %q, want one: %t", got, tt.challenge)
			}
		})
	}
}

// TestIntrospectionIsNotForBrowsers: pages of other origins cannot introspect.
func TestIntrospectionIsNotForBrowsers(t *testing.T) {
	a := request{
		method: "POST", path: "/introspect", id: target.serverID, secret: target.serverSecret,
		form:   url.Values{"token": {"x"}},
		header: http.Header{"Origin": {"https://app.example"}},
	}.do(t)
	if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("Access-Control-Allow-Origin = %q, want none", got)
	}
}

func number(t *testing.T, object map[string]any, name string) int64 {
	t.Helper()
	value, ok := object[name].(json.Number)
	if !ok {
		t.Fatalf("%s = %v, want a number", name, object[name])
	}
	n, err := value.Int64()
	if err != nil {
		t.Fatalf("%s = %v, want a whole number", name, value)
	}
	return n
}
