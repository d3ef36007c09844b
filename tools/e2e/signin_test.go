package e2e_test

import (
	"net/url"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// TestGoSignIn signs a user in as Go programs do: x/oauth2 runs the flow with PKCE,
// go-oidc verifies the id token, and the session is refreshed.
func TestGoSignIn(t *testing.T) {
	provider, err := oidc.NewProvider(t.Context(), target.url)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		signer    signer
		style     oauth2.AuthStyle
		algorithm string
	}{
		"third-party, header":    {target.notes, oauth2.AuthStyleInHeader, "ES256"},
		"the operator's, params": {target.portal, oauth2.AuthStyleInParams, "RS256"},
		"without a secret":       {desktop(), oauth2.AuthStyleInParams, "ES256"},
	} {
		t.Run(name, func(t *testing.T) {
			config := &oauth2.Config{
				ClientID: tt.signer.id, ClientSecret: tt.signer.secret, RedirectURL: tt.signer.redirect,
				Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, oidc.ScopeOfflineAccess, target.scope},
			}
			config.Endpoint.AuthStyle = tt.style
			proof := oauth2.GenerateVerifier()
			p := someone()
			arrival := visit(t, p, config.AuthCodeURL("a state", oauth2.S256ChallengeOption(proof), oidc.Nonce("a nonce"),
				oauth2.SetAuthURLParam("resource", target.resource)))
			if arrival.Form.Get("state") != "a state" {
				t.Fatalf("arrived at %s with %v after %q\n%s", arrival.URL, arrival.Form, arrival.Trail, arrival.Page)
			}
			issued, err := config.Exchange(t.Context(), arrival.Form.Get("code"), oauth2.VerifierOption(proof))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := issued.Extra("id_token").(string)
			verified, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID, SupportedSigningAlgs: []string{tt.algorithm}}).Verify(t.Context(), raw)
			if err != nil {
				t.Fatalf("verify the id token %q: %v", raw, err)
			}
			if err := verified.VerifyAccessToken(issued.AccessToken); err != nil {
				t.Errorf("at_hash: %v", err)
			}
			var claims struct {
				AuthTime        int64 `json:"auth_time"`
				ACR, AZP, Email string
				AMR             []string
			}
			if err := verified.Claims(&claims); err != nil {
				t.Fatal(err)
			}
			if verified.Nonce != "a nonce" || claims.AuthTime == 0 || claims.ACR == "" || len(claims.AMR) == 0 || claims.Email != "" {
				t.Errorf("id token: nonce %q and %+v, want the nonce, when and how they signed in, and no address", verified.Nonce, claims)
			}
			info, err := provider.UserInfo(t.Context(), config.TokenSource(t.Context(), issued))
			if err != nil {
				t.Fatalf("userinfo: %v", err)
			}
			if info.Subject != verified.Subject {
				t.Errorf("userinfo is about %s, the id token about %s", info.Subject, verified.Subject)
			}
			old := *issued
			old.AccessToken, old.RefreshToken = "", issued.RefreshToken
			renewed, err := config.TokenSource(t.Context(), &old).Token()
			if err != nil {
				t.Fatalf("refresh: %v", err)
			}
			if !renewed.Valid() || renewed.RefreshToken == issued.RefreshToken || !active(t, renewed.AccessToken) {
				t.Errorf("refreshed token is valid: %t, active: %t, with a new refresh token: %t; want all", renewed.Valid(), active(t, renewed.AccessToken), renewed.RefreshToken != issued.RefreshToken)
			}
		})
	}
}

// TestCodeOnce: of many requests that redeem one code at once exactly one gets tokens,
// and the other requests end them (RFC 9700 §2.1.1).
func TestCodeOnce(t *testing.T) {
	for _, thieves := range []int{2, 4, 16} {
		code := target.notes.code(t, someone(), nil)
		answers := make([]answer, thieves)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = target.notes.redemption(code, nil).do(t) })
		}
		all.Wait()
		var given []answer
		for _, a := range answers {
			if a.status == 200 {
				given = append(given, a)
				continue
			}
			refused(t, a, 400, "invalid_grant")
		}
		if len(given) != 1 {
			t.Fatalf("%d redemptions of one code at once: %d get tokens, want 1", thieves, len(given))
		}
		if active(t, text(t, given[0], "access_token")) {
			t.Errorf("%d redemptions of one code at once: the access token is active", thieves)
		}
		refused(t, target.notes.renew(t, text(t, given[0], "refresh_token"), nil), 400, "invalid_grant")
	}
}

// renew presents a refresh token.
func (s signer) renew(t *testing.T, presented string, more url.Values) answer {
	t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {presented}}
	if s.secret == "" {
		form.Set("client_id", s.id)
	}
	for name, values := range more {
		form[name] = values
	}
	return request{method: "POST", path: "/token", id: s.basic(), secret: s.secret, form: form}.do(t)
}

// TestCodesAreBound: a code is bound to its client, redirect URI and verifier. A wrong
// attempt does not spend the code (Zitadel GHSA-xqxv-4jc2-x56x, authentik
// CVE-2023-48228).
func TestCodesAreBound(t *testing.T) {
	code := target.notes.code(t, someone(), nil)
	stranger := target.portal.redemption(code, url.Values{"redirect_uri": {target.notes.redirect}})
	for name, r := range map[string]request{
		"another client":             stranger,
		"another redirect URI":       target.notes.redemption(code, url.Values{"redirect_uri": {"https://notes.example/other"}}),
		"another verifier":           target.notes.redemption(code, url.Values{"code_verifier": {"x" + verifier[1:]}}),
		"a shorter code":             target.notes.redemption(code[:len(code)-1], nil),
		"a longer code":              target.notes.redemption(code+"A", nil),
		"another code":               target.notes.redemption(code[:len(code)/2]+flip(code[len(code)/2])+code[len(code)/2+1:], nil),
		"a refresh token for a code": target.notes.redemption("tsr_"+code[4:], nil),
	} {
		t.Run(name, func(t *testing.T) { refused(t, r.do(t), 400, "invalid_grant") })
	}
	for name, change := range map[string]url.Values{
		"no verifier":     {"code_verifier": nil},
		"an empty one":    {"code_verifier": {""}},
		"no redirect URI": {"redirect_uri": nil},
		"no code":         {"code": nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := target.notes.redemption(code, change).do(t)
			if code, _ := a.object(t)["error"].(string); a.status != 400 || code != "invalid_request" && code != "invalid_grant" {
				t.Errorf("= %d %s, want a refusal", a.status, a.body)
			}
		})
	}
	wrong := target.notes.redemption(code, nil)
	wrong.secret += "x"
	refused(t, wrong.do(t), 401, "invalid_client")
	if a := target.notes.redemption(code, nil).do(t); a.status != 200 {
		t.Errorf("afterwards its owner gets %d %s, want tokens", a.status, a.body)
	}
}

// flip returns another character than c.
func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
