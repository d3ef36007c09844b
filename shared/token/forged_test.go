package token_test

import (
	"errors"
	"testing"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// mold makes access tokens of the authority.
func (a *authority) mold(t testing.TB) tokentest.Mold {
	t.Helper()
	k, err := a.document.Active(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := k.Signer()
	if err != nil {
		t.Fatal(err)
	}
	return tokentest.Mold{
		Key: signer, KeyID: k.ID, Types: []string{token.AccessType}, Now: now,
		Claims: map[string]any{
			"iss": issuer, "aud": "https://api.example.com", "sub": "worker", "client_id": "worker",
			"iat": now.Unix(), "exp": now.Unix() + 60, "jti": "j",
		},
	}
}

// Keycloak CVE-2026-11800 and its kin: every forgery of the table is
// refused where all JWTs of ours are judged.
func TestKeycloakCVE202611800EveryForgery(t *testing.T) {
	a := newAuthority(t)
	m := a.mold(t)
	judge := func(value string) error {
		c, err := a.verify(value)
		if err == nil && (len(c.Audience) != 1 || c.Audience[0] != "https://api.example.com") {
			return token.ErrInvalid // the audience is the caller's to judge
		}
		return err
	}
	if err := judge(m.Sign(t, nil)); err != nil {
		t.Fatalf("the good one = %v", err)
	}
	seen := map[string]int{}
	for _, f := range m.Forge(t) {
		seen[f.Kind]++
		if err := judge(f.JWT); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s = %v, want ErrInvalid: %s", f, err, f.JWT)
		}
	}
	for _, kind := range tokentest.Kinds {
		if seen[kind] == 0 {
			t.Errorf("there is no forgery of the kind %q", kind)
		}
	}
	if len(seen) != len(tokentest.Kinds) {
		t.Errorf("there are %d kinds of forgeries, want those of the table only: %v", len(seen), seen)
	}
}

// The forgeries for a place that accepts expired tokens contain none of expiry.
func TestLastingMoldHasNoExpiryForgeries(t *testing.T) {
	m := newAuthority(t).mold(t)
	m.Lasting = true
	for _, f := range m.Forge(t) {
		if f.Kind == "expired" {
			t.Errorf("%s is among the forgeries of a lasting mold", f)
		}
	}
}
