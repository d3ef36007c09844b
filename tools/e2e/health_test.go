package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// TestHealth: without credentials a caller learns that the server runs, and its
// version, not more.
func TestHealth(t *testing.T) {
	a := request{method: "GET", path: "/health"}.do(t)
	if a.status != http.StatusOK {
		t.Fatalf("GET /health = %d %s, want 200", a.status, a.body)
	}
	a.uncached(t)
	got := a.object(t)
	if got["status"] != "healthy" || got["version"] != contract.Version {
		t.Errorf("GET /health = %s, want healthy %s", a.body, contract.Version)
	}
	for _, name := range []string{"commit", "region"} {
		if text, _ := got[name].(string); text == "" {
			t.Errorf("GET /health: %s = %v, want a word", name, got[name])
		}
	}
}

// TestReady: with an operator's token the answer lists every check with its duration.
func TestReady(t *testing.T) {
	a := ready(t, operatorToken(t))
	if a.status != http.StatusOK {
		t.Fatalf("GET /ready = %d %s, want 200", a.status, a.body)
	}
	a.uncached(t)
	checks, _ := a.object(t)["checks"].([]any)
	names := map[string]bool{}
	for _, check := range checks {
		check, _ := check.(map[string]any)
		name, _ := check["name"].(string)
		names[name] = true
		if check["ok"] != true {
			t.Errorf("check %v, want ok", check)
		}
		if _, ok := check["milliseconds"]; !ok {
			t.Errorf("check %v has no milliseconds", check)
		}
	}
	for _, want := range []string{"sessions", "registry", "audit", "keys", "clock"} {
		if !names[want] {
			t.Errorf("GET /ready has no check %q: %s", want, a.body)
		}
	}
}

// TestReadyRefusals: without an operator's token a caller learns nothing about the
// deployment.
func TestReadyRefusals(t *testing.T) {
	good := operatorToken(t)
	parts := strings.Split(good, ".")
	for name, tt := range map[string]struct {
		authorization string
		status        int
		challenge     string // part of WWW-Authenticate (RFC 6750 §3)
	}{
		"nothing":               {"", 401, "Bearer realm="},
		"garbage":               {"Bearer garbage", 401, `error="invalid_token"`},
		"another scheme":        {"Basic " + good, 401, "Bearer realm="},
		"an altered token":      {"Bearer " + parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), 401, `error="invalid_token"`},
		"another audience":      {"Bearer " + token(t), 401, `error="invalid_token"`},
		"a client secret":       {"Bearer " + target.operatorSecret, 401, `error="invalid_token"`},
		"two spaces, no scheme": {"  " + good, 401, "Bearer realm="},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if tt.authorization != "" {
				header.Set("Authorization", tt.authorization)
			}
			a := request{method: "GET", path: "/ready", header: header}.do(t)
			if a.status != tt.status {
				t.Errorf("GET /ready = %d %s, want %d", a.status, a.body, tt.status)
			}
			if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, tt.challenge) {
				t.Errorf("WWW-Authenticate = %q, want %s in it", got, tt.challenge)
			}
			a.uncached(t)
			if got := a.header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type = %q, want application/problem+json", got)
			}
			if code, _ := a.object(t)["code"].(string); code == "" {
				t.Errorf("problem %s has no code", a.body)
			}
		})
	}
}

// TestReadyWithoutTheScope: a token with the right audience needs the scope, too.
func TestReadyWithoutTheScope(t *testing.T) {
	a := ready(t, apiToken(t, target.visitorID, target.visitorSecret, ""))
	if a.status != http.StatusForbidden {
		t.Fatalf("GET /ready = %d %s, want 403", a.status, a.body)
	}
	if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_scope"`) {
		t.Errorf("WWW-Authenticate = %q, want insufficient_scope in it", got)
	}
}

// operatorToken returns a token with the scope of /ready.
func operatorToken(t *testing.T) string {
	t.Helper()
	return apiToken(t, target.operatorID, target.operatorSecret, contract.ScopeReady)
}

// apiToken returns a client's token for Tipstaff's own API.
func apiToken(t *testing.T, id, secret, scope string) string {
	t.Helper()
	a := request{
		method: "POST", path: "/token", id: id, secret: secret,
		form: url.Values{"grant_type": {"client_credentials"}, "resource": {target.url + contract.APIPath}, "scope": {scope}},
	}.do(t)
	issued, _ := a.object(t)["access_token"].(string)
	if a.status != http.StatusOK {
		t.Fatalf("token for %s = %d %s, want 200", scope, a.status, a.body)
	}
	return issued
}

func ready(t *testing.T, presented string) answer {
	t.Helper()
	return request{method: "GET", path: "/ready", header: http.Header{"Authorization": {"Bearer " + presented}}}.do(t)
}
