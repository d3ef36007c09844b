package token_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// thumbprint is the key that an access token is bound to.
func thumbprint(t *testing.T, a routetest.Answer) string {
	t.Helper()
	cnf, _ := routetest.Claims(t, a.Text("access_token"))["cnf"].(map[string]any)
	jkt, _ := cnf["jkt"].(string)
	return jkt
}

// RFC 9449 §10: a code that was asked for with dpop_jkt is redeemed with that key.
// Every wrong try leaves it as it was.
func TestCodeBoundToAKey(t *testing.T) {
	s := newSignIn(t)
	owner, thief := s.Prover(), s.Prover()
	code := s.code(appID, func(c *session.Code) { c.JKT = owner.JKT })
	if got := s.redeem(code); got.Error() != "invalid_dpop_proof" {
		t.Errorf("without a proof = %d %s, want invalid_dpop_proof", got.Status, got.Body)
	}
	if got := routetest.Do(s.route, thief.Prove(request(code), "/token")); got.Error() != "invalid_grant" {
		t.Errorf("with another key = %d %s, want invalid_grant", got.Status, got.Body)
	}
	if got := routetest.Do(s.route, owner.Prove(request(code), "/refresh")); got.Error() != "invalid_dpop_proof" {
		t.Errorf("with a proof for another place = %d %s, want invalid_dpop_proof", got.Status, got.Body)
	}
	got := routetest.Do(s.route, owner.Prove(request(code), "/token"))
	if got.Status != 200 || got.Text("token_type") != "DPoP" || thumbprint(t, got) != owner.JKT {
		t.Errorf("with its key = %d %s, want tokens bound to it", got.Status, got.Body)
	}
}

// Keycloak #36475: the refresh token of a public client that proved a key is worth
// nothing without it, at once and later.
func TestRefreshBoundToAKey(t *testing.T) {
	s := newSignIn(t)
	owner, thief := s.Prover(), s.Prover()
	begun := routetest.Do(s.route, owner.Prove(request(s.code(appID, nil)), "/token"))
	if begun.Status != 200 || begun.Text("token_type") != "DPoP" {
		t.Fatalf("answer = %d %s, want DPoP tokens", begun.Status, begun.Body)
	}
	presented := begun.Text("refresh_token")
	wrong := func(when string) {
		t.Helper()
		if got := routetest.Do(s.route, s.refresh(appID, presented)); got.Error() != "invalid_dpop_proof" {
			t.Errorf("%s without a proof = %d %s, want invalid_dpop_proof", when, got.Status, got.Body)
		}
		if got := routetest.Do(s.route, thief.Prove(s.refresh(appID, presented), "/token")); got.Error() != "invalid_grant" {
			t.Errorf("%s with another key = %d %s, want invalid_grant", when, got.Status, got.Body)
		}
	}
	wrong("at first")
	next := routetest.Do(s.route, owner.Prove(s.refresh(appID, presented), "/token"))
	if next.Status != 200 || next.Text("token_type") != "DPoP" || thumbprint(t, next) != owner.JKT {
		t.Errorf("refresh = %d %s, want tokens bound to the key", next.Status, next.Body)
	}
	s.Pass(time.Hour)
	wrong("afterwards")
	if again := routetest.Do(s.route, owner.Prove(s.refresh(appID, presented), "/token")); again.Text("refresh_token") != next.Text("refresh_token") {
		t.Errorf("once more, an hour later = %d %s, want the same next token", again.Status, again.Body)
	}
	s.live(t, 1)
}

// A confidential client is bound to its secret, and may change its key (RFC 9449 §5).
func TestASecretFreesTheKey(t *testing.T) {
	s := newSignIn(t)
	before, after := s.Prover(), s.Prover()
	begun := routetest.Do(s.route, before.Prove(s.asServer(request(s.code(serverID, nil), "client_id", "")), "/token"))
	if begun.Status != 200 || thumbprint(t, begun) != before.JKT {
		t.Fatalf("answer = %d %s, want tokens bound to the key", begun.Status, begun.Body)
	}
	r := s.asServer(s.refresh("", begun.Text("refresh_token")))
	if got := routetest.Do(s.route, after.Prove(r, "/token")); got.Status != 200 || thumbprint(t, got) != after.JKT {
		t.Errorf("refresh with another key = %d %s, want tokens bound to that one", got.Status, got.Body)
	}
}

// A client that must prove a key does so for every grant.
func TestKeyRequired(t *testing.T) {
	s := newSignIn(t)
	secret := s.Register(client.Client{ID: "machine", Grants: []string{oauth.GrantClientCredentials}, RequireDPoP: true})
	machine := func() *http.Request {
		r := routetest.Form("/token", url.Values{"grant_type": {oauth.GrantClientCredentials}, "client_id": {"machine"}, "client_secret": {secret}})
		return r
	}
	prover := s.Prover()
	code := s.code(strictID, nil)
	var refresh string
	tests := []struct {
		name    string
		request func() *http.Request
	}{
		{"code", func() *http.Request { return request(code, "client_id", strictID) }},
		{"refresh", func() *http.Request { return s.refresh(strictID, refresh) }},
		{"for itself", machine},
	}
	for _, tt := range tests {
		if got := routetest.Do(s.route, tt.request()); got.Status != 400 || got.Error() != "invalid_dpop_proof" {
			t.Errorf("%s without a proof = %d %s, want 400 invalid_dpop_proof", tt.name, got.Status, got.Body)
		}
		got := routetest.Do(s.route, prover.Prove(tt.request(), "/token"))
		if got.Status != 200 || got.Text("token_type") != "DPoP" || thumbprint(t, got) != prover.JKT {
			t.Errorf("%s with a proof = %d %s, want a token bound to the key", tt.name, got.Status, got.Body)
		}
		refresh = got.Text("refresh_token")
	}
}
