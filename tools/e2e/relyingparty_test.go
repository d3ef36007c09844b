package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

// TestRelyingParty runs the relying party of zitadel/oidc: a user signs in, and the
// relying party reads the claims, refreshes, and signs the user out.
func TestRelyingParty(t *testing.T) {
	for name, s := range map[string]signer{"third-party": target.notes, "first-party": target.portal} {
		t.Run(name, func(t *testing.T) {
			party, err := rp.NewRelyingPartyOIDC(t.Context(), target.url, s.id, s.secret, s.redirect,
				[]string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}, rp.WithSigningAlgsFromDiscovery())
			if err != nil {
				t.Fatal(err)
			}
			p, proof := someone(), oauth2.GenerateVerifier()
			arrival := visit(t, p, rp.AuthURL("a state", party, rp.WithCodeChallenge(oauth2.S256ChallengeFromVerifier(proof))))
			tokens, err := rp.CodeExchange[*oidc.IDTokenClaims](t.Context(), arrival.Form.Get("code"), party, rp.WithCodeVerifier(proof))
			if err != nil {
				t.Fatalf("exchange after %v %q: %v", arrival.Form, arrival.Trail, err)
			}
			subject := tokens.IDTokenClaims.Subject
			info, err := rp.Userinfo[*oidc.UserInfo](t.Context(), tokens.AccessToken, tokens.TokenType, subject, party)
			if err != nil {
				t.Fatalf("userinfo: %v", err)
			}
			if info.Subject != subject || info.PreferredUsername != target.userName {
				t.Errorf("userinfo = %+v, want that of %s", info, target.userName)
			}
			renewed, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), party, tokens.RefreshToken, "", "")
			if err != nil {
				t.Fatalf("refresh: %v", err)
			}
			if renewed.RefreshToken == tokens.RefreshToken || renewed.AccessToken == tokens.AccessToken {
				t.Error("a refresh gives the same tokens")
			}
			// It requests the sign-out itself, without the browser. That must end
			// nothing, and must not fail.
			if _, err := rp.EndSession(t.Context(), party, tokens.IDToken, "", "", "", nil); err != nil {
				t.Errorf("end of the session: %v", err)
			}
			if err := rp.RevokeToken(t.Context(), party, renewed.RefreshToken, "refresh_token"); err != nil {
				t.Errorf("revocation: %v", err)
			}
			if _, err := rp.RefreshTokens[*oidc.IDTokenClaims](t.Context(), party, renewed.RefreshToken, "", ""); err == nil {
				t.Error("a refresh after the revocation is answered with tokens")
			}
		})
	}
}

// TestSignOutOfAClient: a client sends the user to sign out, and the browser returns
// to a registered address and to no other (Zitadel GHSA-v959-qxv6-6f8p).
func TestSignOutOfAClient(t *testing.T) {
	p := someone()
	begun := target.notes.signedIn(t, p, nil)
	login := target.notes.signedIn(t, p, url.Values{"scope": {"openid " + target.scope}}) // ends with the login
	hint := text(t, begun, "id_token")
	for name, q := range map[string]url.Values{
		"another address":           {"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://evil.example/bye"}},
		"another client's address":  {"id_token_hint": {hint}, "post_logout_redirect_uri": {target.portalBye}},
		"another client":            {"id_token_hint": {hint}, "client_id": {target.portal.id}, "post_logout_redirect_uri": {target.portalBye}},
		"a forged hint":             {"id_token_hint": {hint[:strings.LastIndexByte(hint, '.')] + ".AAAA"}, "post_logout_redirect_uri": {target.notesBye}},
		"an address without client": {"post_logout_redirect_uri": {target.notesBye}},
		"a script":                  {"id_token_hint": {hint}, "post_logout_redirect_uri": {"javascript:alert(1)"}},
	} {
		status, location, html, err := p.Ask(t.Context(), http.MethodGet, "/logout?"+q.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if location != "" || strings.Contains(html, "evil.example") || strings.Contains(html, "javascript:") {
			t.Errorf("%s: %d to %q, want a page that leads nowhere else\n%s", name, status, location, html)
		}
	}
	if !active(t, text(t, login, "access_token")) {
		t.Fatal("what was refused ended the session")
	}
	arrival := visit(t, p, target.url+"/logout?"+url.Values{
		"id_token_hint": {hint}, "post_logout_redirect_uri": {target.notesBye}, "state": {"so long"},
	}.Encode())
	if arrival.URL != target.notesBye || arrival.Form.Get("state") != "so long" || p.SignedIn() {
		t.Errorf("arrived at %s with %v, signed in: %t; want %s, the state and no session", arrival.URL, arrival.Form, p.SignedIn(), target.notesBye)
	}
	if active(t, text(t, login, "access_token")) {
		t.Error("after the sign-out the access token of the session is active")
	}
	if !active(t, text(t, begun, "access_token")) {
		t.Error("after the sign-out the access token with offline_access is not active")
	}
}
