package ready_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/ready"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token"
)

const api = routetest.Issuer + contract.APIPath

func mint(t *testing.T, s *routetest.Stage, audience, scope string) string {
	t.Helper()
	minted, err := s.Minter().Mint(context.Background(), token.Request{
		Subject: "ops", ClientID: "ops", Audience: []string{audience}, Scope: scope,
		Algorithm: oauth.ES256, Lifetime: 5 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return minted.Value
}

func ask(s *routetest.Stage, checks []ready.Check, token string) routetest.Answer {
	route := s.Route(contract.Ready, &ready.Handler{
		Guard:  &bearer.Guard{Issuer: routetest.Issuer, Keys: s.Published(), Now: s.Now},
		Checks: checks,
	})
	route.Problems = true
	r := httptest.NewRequest("GET", "/ready", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return routetest.Do(route, r)
}

func TestReady(t *testing.T) {
	s := routetest.New(t)
	good := mint(t, s, api, "ready")
	works := ready.Check{Name: "works", Run: func(context.Context) error { return nil }}
	fails := ready.Check{Name: "fails", Run: func(context.Context) error { return errors.New("arn:aws:private") }}

	got := ask(s, []ready.Check{works}, good)
	if got.Status != 200 || got.JSON["status"] != "ready" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer = %d %s, want 200 ready", got.Status, got.Body)
	}
	got = ask(s, []ready.Check{works, fails, works}, good)
	if got.Status != 503 || got.JSON["status"] != "not ready" {
		t.Errorf("answer = %d %s, want 503 not ready", got.Status, got.Body)
	}
	checks, _ := got.JSON["checks"].([]any)
	if len(checks) != 3 {
		t.Fatalf("checks = %v, want all three", checks)
	}
	for i, want := range []bool{true, false, true} {
		check, _ := checks[i].(map[string]any)
		if _, timed := check["milliseconds"].(float64); check["ok"] != want || !timed {
			t.Errorf("check %d = %v, want ok %v and milliseconds", i, check, want)
		}
	}
	if strings.Contains(got.Body, "arn:") {
		t.Errorf("body %s tells the reason, which is for the log", got.Body)
	}
	if !strings.Contains(s.Log.String(), "arn:aws:private") {
		t.Error("the log lacks the reason")
	}
}

func TestOnlyOperators(t *testing.T) {
	s := routetest.New(t)
	asked := false
	check := ready.Check{Name: "x", Run: func(context.Context) error { asked = true; return nil }}
	good := mint(t, s, api, "ready")
	tests := []struct {
		name, token string
		status      int
		code        string
	}{
		{"no token", "", 401, "invalid_token"},
		{"garbage", "x.y.z", 401, "invalid_token"},
		{"another audience", mint(t, s, "https://orders.example.com", "ready"), 401, "invalid_token"},
		{"the issuer as audience", mint(t, s, routetest.Issuer, "ready"), 401, "invalid_token"},
		{"another scope", mint(t, s, api, "introspect"), 403, "insufficient_scope"},
		{"no scope", mint(t, s, api, ""), 403, "insufficient_scope"},
		{"scope as a part", mint(t, s, api, "already ready-to-go"), 403, "insufficient_scope"},
		{"truncated", good[:len(good)-3], 401, "invalid_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(s, []ready.Check{check}, tt.token)
			if got.Status != tt.status || got.JSON["code"] != tt.code || got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
			challenge := got.Header.Get("WWW-Authenticate")
			if !strings.HasPrefix(challenge, "Bearer realm=") || strings.Contains(challenge, "error=") != (tt.token != "") {
				t.Errorf("WWW-Authenticate = %q", challenge)
			}
		})
	}
	if asked {
		t.Error("a stranger set off a check")
	}
}

// This route writes nothing, so it cannot recognise a repeated proof, and accepts no
// token that needs one.
func TestBoundToken(t *testing.T) {
	s := routetest.New(t)
	minted, err := s.Minter().Mint(context.Background(), token.Request{
		Subject: "ops", ClientID: "ops", Audience: []string{api}, Scope: "ready", Algorithm: oauth.ES256, Lifetime: time.Minute, JKT: s.Prover().JKT,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(s, nil, minted.Value); got.Status != 401 || got.JSON["code"] != "invalid_token" {
		t.Errorf("answer = %d %s, want 401 invalid_token", got.Status, got.Body)
	}
}
