package token_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

var idRequest = token.IDRequest{
	Subject: "usr_a", ClientID: "app", Nonce: "n-0S6_WzA2Mj", AuthTime: now.Add(-time.Hour), AMR: []string{"pwd"},
	SessionID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", AccessToken: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
}

func (a *authority) expectID() token.Expect {
	return token.Expect{Issuer: issuer, Type: token.IDType, Keys: a.keys, Now: now}
}

func (a *authority) id(t testing.TB, r token.IDRequest) string {
	t.Helper()
	value, err := a.minter.ID(context.Background(), r)
	if err != nil {
		t.Fatalf("ID(%+v) = %v", r, err)
	}
	return value
}

func TestID(t *testing.T) {
	a := newAuthority(t)
	for alg, want := range map[string]string{"": oauth.ES256, oauth.ES256: oauth.ES256, oauth.RS256: oauth.RS256} {
		r := idRequest
		r.Algorithm = alg
		value := a.id(t, r)
		active, _ := a.document.Active(want)
		head, claims := part(t, value, 0), part(t, value, 1)
		if head["alg"] != want || head["typ"] != "JWT" || head["kid"] != active.ID || len(head) != 3 {
			t.Errorf("header for %q = %v", alg, head)
		}
		amr, _ := claims["amr"].([]any)
		delete(claims, "amr")
		expected := map[string]any{
			"iss": issuer, "sub": "usr_a", "aud": "app", "azp": "app", "nonce": "n-0S6_WzA2Mj", "acr": "aal1", "sid": r.SessionID,
			"iat": float64(now.Unix()), "exp": float64(now.Add(token.IDLife).Unix()), "auth_time": float64(r.AuthTime.Unix()),
			// OpenID Connect Core, appendix A.3.
			"at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
		}
		if !maps.Equal(claims, expected) || len(amr) != 1 || amr[0] != "pwd" {
			t.Errorf("claims = %v, amr %v, want %v and pwd", claims, amr, expected)
		}
		got, err := token.VerifyID(t.Context(), value, a.expectID())
		if err != nil || got.Subject != "usr_a" || got.Audience[0] != "app" || got.SessionID != r.SessionID {
			t.Errorf("VerifyID = %+v, %v", got, err)
		}
	}
	r := idRequest
	r.Nonce, r.AMR = "", nil
	bare := part(t, a.id(t, r), 1)
	for _, name := range []string{"nonce", "amr", "acr"} {
		if _, there := bare[name]; there {
			t.Errorf("the token has %s without a value: %v", name, bare)
		}
	}
}

func TestLogoutTokenHasItsClaims(t *testing.T) {
	a := newAuthority(t)
	r := token.LogoutRequest{Subject: "usr_a", ClientID: "app", SessionID: idRequest.SessionID, ID: "notice-1"}
	for range 2 {
		value, err := a.minter.Logout(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		head, claims := part(t, value, 0), part(t, value, 1)
		if head["typ"] != "logout+jwt" || head["alg"] != oauth.ES256 {
			t.Errorf("header = %v", head)
		}
		events, _ := claims["events"].(map[string]any)
		event, ok := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
		if len(events) != 1 || !ok || len(event) != 0 {
			t.Errorf("events = %v, want the one with an empty object", claims["events"])
		}
		delete(claims, "events")
		want := map[string]any{
			"iss": issuer, "sub": "usr_a", "aud": "app", "sid": r.SessionID, "jti": "notice-1",
			"iat": float64(now.Unix()), "exp": float64(now.Add(token.LogoutLife).Unix()),
		}
		// A nonce would make an id token of it (OIDC Back-Channel Logout §2.4).
		if !maps.Equal(claims, want) {
			t.Errorf("claims = %v, want %v", claims, want)
		}
		if _, err := token.VerifyID(t.Context(), value, a.expectID()); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("as a hint = %v, want ErrInvalid", err)
		}
		if _, err := a.verify(value); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("as an access token = %v, want ErrInvalid", err)
		}
	}
	r.ID, r.Algorithm = "", oauth.RS256
	value, err := a.minter.Logout(t.Context(), r)
	if err != nil || part(t, value, 0)["alg"] != oauth.RS256 || part(t, value, 1)["jti"] == "" {
		t.Errorf("Logout(%+v) = %q, %v, want RS256 and an id of its own", r, value, err)
	}
}

// idMold makes id tokens of the authority.
func (a *authority) idMold(t testing.TB) tokentest.Mold {
	t.Helper()
	m := a.mold(t)
	m.Types, m.Lasting = []string{token.IDType}, true
	m.Claims = map[string]any{
		"iss": issuer, "aud": "app", "sub": "usr_a", "sid": idRequest.SessionID, "iat": now.Unix(), "exp": now.Unix() + 60, "azp": "app",
	}
	return m
}

// SECURITY.md, Keycloak CVE-2026-11800: id_token_hint is verified like every JWT.
func TestForgedHints(t *testing.T) {
	a := newAuthority(t)
	m := a.idMold(t)
	judge := func(value string) error {
		c, err := token.VerifyID(t.Context(), value, a.expectID())
		if err == nil && c.Audience[0] != "app" {
			return token.ErrInvalid // the audience is the caller's to judge
		}
		return err
	}
	if err := judge(m.Sign(t, nil)); err != nil {
		t.Fatalf("the good one = %v", err)
	}
	for _, f := range m.Forge(t) {
		if err := judge(f.JWT); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s = %v, want ErrInvalid: %s", f, err, f.JWT)
		}
	}
	for name, change := range map[string]func(map[string]any){
		"without a session":  func(c map[string]any) { delete(c, "sid") },
		"without a subject":  func(c map[string]any) { c["sub"] = "" },
		"without an expiry":  func(c map[string]any) { delete(c, "exp") },
		"for two":            func(c map[string]any) { c["aud"] = []string{"app", "b"} },
		"no audience":        func(c map[string]any) { c["aud"] = []string{} },
		"of another party":   func(c map[string]any) { c["azp"] = "b" },
		"of another type":    func(c map[string]any) { c["sid"] = 7 },
		"issued a day ahead": func(c map[string]any) { c["iat"] = now.Unix() + 86400 },
		"no issue time":      func(c map[string]any) { delete(c, "iat") },
	} {
		if err := judge(m.Sign(t, func(_, c map[string]any) { change(c) })); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("a hint %s = %v, want ErrInvalid", name, err)
		}
	}
	access := a.mint(t, oauth.ES256, "app").Value
	if err := judge(access); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("an access token as a hint = %v, want ErrInvalid", err)
	}
	if _, err := a.verify(a.id(t, idRequest)); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("an id token as an access token = %v, want ErrInvalid", err)
	}
}

// A hint may be as old as the session, if its key is still published.
func TestExpiredHintIsValid(t *testing.T) {
	a := newAuthority(t)
	value := a.id(t, idRequest)
	want := a.expectID()
	want.Now = now.Add(48 * time.Hour)
	if got, err := token.VerifyID(t.Context(), value, want); err != nil || got.Subject != "usr_a" {
		t.Errorf("VerifyID two days later = %+v, %v", got, err)
	}
	down := errors.New("table is down")
	want.Keys = func(context.Context, string) (keys.Verifying, error) { return keys.Verifying{}, down }
	if _, err := token.VerifyID(t.Context(), value, want); !errors.Is(err, down) || errors.Is(err, token.ErrInvalid) {
		t.Errorf("VerifyID without keys = %v, want the outage", err)
	}
}

// FuzzVerifyID mutates hints: only a token that the authority signed is valid.
func FuzzVerifyID(f *testing.F) {
	a := newAuthority(f)
	good := a.id(f, idRequest)
	f.Add(good)
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add(a.mint(f, oauth.ES256, "app").Value)
	f.Fuzz(func(t *testing.T, value string) {
		got, err := token.VerifyID(context.Background(), value, a.expectID())
		if err == nil && value != good && !strings.HasPrefix(value, good[:strings.LastIndexByte(good, '.')]) {
			t.Errorf("VerifyID(%q) = %+v", value, got)
		}
		if (got == nil) != (err != nil) || err != nil && !errors.Is(err, token.ErrInvalid) {
			t.Errorf("VerifyID(%q) = %v, %v, want ErrInvalid", value, got, err)
		}
	})
}

// A bound token has the thumbprint of its key, and an exchanged one has its actor.
func TestTokenCarriesConfirmationAndActor(t *testing.T) {
	a := newAuthority(t)
	act := &token.Actor{Subject: "b", Act: &token.Actor{Subject: "c", ClientID: "d"}}
	minted, err := a.minter.Mint(t.Context(), token.Request{
		Subject: "usr_a", ClientID: "app", Audience: []string{"x"}, Algorithm: oauth.ES256, Lifetime: time.Minute,
		JKT: "thumb", Act: act, SessionID: "s", AuthTime: now, AMR: []string{"pwd"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.verify(minted.Value)
	if err != nil || got.Confirmation == nil || got.Confirmation.JKT != "thumb" || got.ACR != "aal1" ||
		got.Act == nil || got.Act.Subject != "b" || got.Act.Act == nil || *got.Act.Act != *act.Act {
		t.Errorf("verify = %+v, %v, want key, class and both actors", got, err)
	}
	machine := part(t, a.mint(t, oauth.ES256, "x").Value, 1)
	for _, name := range []string{"cnf", "act", "may_act", "acr"} {
		if _, there := machine[name]; there {
			t.Errorf("the token of a machine has %s: %v", name, machine)
		}
	}
}
