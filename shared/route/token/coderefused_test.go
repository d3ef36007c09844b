package token_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
)

// SECURITY.md: authentik CVE-2023-48228 (the verifier is checked when it is
// missing, too), Cloudflare CVE-2025-4143 and -4144 (redirect and verifier are
// checked here as well as at /authorize), Zitadel GHSA-xqxv-4jc2-x56x (a code is
// its client's). Whatever is wrong, the code still works for its owner.
func TestWrongRedemptions(t *testing.T) {
	s := newSignIn(t)
	code := s.code(appID, nil)
	foreign := opaque.Write(opaque.AuthorizationCode, make([]byte, 64))
	tests := []struct {
		name   string
		change []string
		code   oauth.Code
	}{
		{"no code", []string{"code", ""}, oauth.InvalidRequest},
		{"no verifier", []string{"code_verifier", ""}, oauth.InvalidRequest},
		{"another verifier", []string{"code_verifier", strings.Repeat("a", 43)}, oauth.InvalidGrant},
		{"the challenge as verifier", []string{"code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, oauth.InvalidGrant},
		{"verifier cut", []string{"code_verifier", verifier[:42]}, oauth.InvalidGrant},
		{"verifier and more", []string{"code_verifier", verifier + "A"}, oauth.InvalidGrant},
		{"verifier in upper case", []string{"code_verifier", strings.ToUpper(verifier)}, oauth.InvalidGrant},
		{"no redirect", []string{"redirect_uri", ""}, oauth.InvalidGrant},
		{"another redirect", []string{"redirect_uri", "https://evil.example/cb"}, oauth.InvalidGrant},
		{"redirect with a slash", []string{"redirect_uri", redirect + "/"}, oauth.InvalidGrant},
		{"redirect in another case", []string{"redirect_uri", strings.ToUpper(redirect)}, oauth.InvalidGrant},
		{"another client", []string{"client_id", cautionID}, oauth.InvalidGrant},
		{"a client without this grant", []string{"client_id", routetest.Phone}, oauth.UnauthorizedClient},
		{"a client that is none", []string{"client_id", "nobody"}, oauth.InvalidClient},
		{"no client", []string{"client_id", ""}, oauth.InvalidClient},
		{"a resource that was not granted", []string{"resource", routetest.Billing}, oauth.InvalidTarget},
		{"a resource that is none", []string{"resource", "https://evil.example"}, oauth.InvalidTarget},
		{"code cut", []string{"code", code[:len(code)-1]}, oauth.InvalidGrant},
		{"code in lower case", []string{"code", strings.ToLower(code)}, oauth.InvalidGrant},
		{"code in upper case", []string{"code", strings.ToUpper(code)}, oauth.InvalidGrant},
		{"code and a space", []string{"code", code + " "}, oauth.InvalidGrant},
		{"made-up code", []string{"code", foreign}, oauth.InvalidGrant},
		{"a refresh token", []string{"code", s.Grant(routetest.Phone, s.Ada).RefreshToken}, oauth.InvalidGrant},
		{"junk", []string{"code", "SplxlOBeZQQYbYS6WxSbIA"}, oauth.InvalidGrant},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.redeem(code, tt.change...)
			status := http.StatusBadRequest
			if tt.code == oauth.InvalidClient {
				status = http.StatusUnauthorized
			}
			if got.Status != status || got.Error() != string(tt.code) {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, status, tt.code)
			}
		})
	}
	inURL := request(code, "code", "")
	inURL.URL.RawQuery = "code=" + code
	if got := routetest.Do(s.route, inURL); got.Error() != "invalid_request" {
		t.Errorf("code in the URL = %d %s, want invalid_request", got.Status, got.Body)
	}
	s.live(t, 1) // the phone's
	if got := s.redeem(code); got.Status != 200 {
		t.Errorf("its owner afterwards = %d %s, want 200", got.Status, got.Body)
	}
}

// A code of a request without a redirect URI needs none here either.
func TestNoRedirectInTheRequest(t *testing.T) {
	s := newSignIn(t)
	code := s.code(appID, func(c *session.Code) { c.RedirectURI = session.DigestOf("") })
	if got := s.redeem(code); got.Error() != "invalid_grant" {
		t.Errorf("with one = %d %s, want invalid_grant", got.Status, got.Body)
	}
	if got := s.redeem(code, "redirect_uri", ""); got.Status != 200 {
		t.Errorf("with none = %d %s, want 200", got.Status, got.Body)
	}
}

// SECURITY.md: Zitadel CVE-2025-46815, RFC 6749 §4.1.2, OWASP ASVS 10.4.2. What the
// code gave ends: refresh token and session.
func TestCodeUsedTwice(t *testing.T) {
	s := newSignIn(t)
	code := s.code(appID, nil)
	first := s.redeem(code)
	if second := routetest.Do(s.fresh(), request(code)); second.Status != 400 || second.Error() != "invalid_grant" {
		t.Errorf("second = %d %s, want 400 invalid_grant", second.Status, second.Body)
	}
	s.live(t, 0)
	if got := routetest.Do(s.route, s.refresh(appID, first.Text("refresh_token"))); got.Error() != "invalid_grant" {
		t.Errorf("refresh = %d %s, want invalid_grant", got.Status, got.Body)
	}
	if n := s.Entries(session.ActionEndGrant); n != 1 || !strings.Contains(s.Log.String(), `"Reused":1`) {
		t.Errorf("the trail has %d ends, want 1, and the log a count", n)
	}
	// An attacker who has the code alone cannot do even that.
	code = s.code(appID, nil)
	s.redeem(code)
	s.redeem(code, "code_verifier", strings.Repeat("a", 43))
	s.redeem(code, "client_id", cautionID)
	s.live(t, 1)
}

// Of requests with one code at the same time one gets tokens, which are worth
// nothing afterwards.
func TestParallelRedemptions(t *testing.T) {
	for _, n := range []int{4, 16} {
		s := newSignIn(t)
		code := s.code(appID, nil)
		answers := make([]routetest.Answer, n)
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range n {
			all.Go(func() {
				<-start
				answers[i] = s.redeem(code)
			})
		}
		close(start)
		all.Wait()
		given := 0
		for _, a := range answers {
			switch {
			case a.Status == 200:
				given++
			case a.Error() != "invalid_grant" && a.Error() != "temporarily_unavailable":
				t.Errorf("answer = %d %s, want tokens or invalid_grant", a.Status, a.Body)
			}
		}
		if given != 1 {
			t.Errorf("%d of %d requests got tokens, want 1", given, n)
		}
		s.live(t, 0)
	}
}

// SECURITY.md: Keycloak CVE-2026-16103 and GHSA-wv3h-x6c4-r867. A change between code
// and token counts.
func TestBetweenCodeAndToken(t *testing.T) {
	tests := map[string]func(*signIn){
		"the user is disabled": func(s *signIn) {
			change := admin.Disabled()
			if _, err := s.Sessions().ChangeUser(s.T.Context(), s.Ada, change, session.Cause{Why: session.Disabled, Actor: "op"}); err != nil {
				s.T.Fatal(err)
			}
		},
		"the user logs out": func(s *signIn) {
			if _, err := s.Sessions().EndLogin(s.T.Context(), s.Ada, s.login.ID, session.Cause{Why: session.LoggedOut, Actor: s.Ada}); err != nil {
				s.T.Fatal(err)
			}
		},
		"the client is disabled": func(s *signIn) {
			c := s.Client(appID)
			c.Disabled = true
			s.Register(c)
		},
		"the client loses its access": func(s *signIn) {
			c := s.Client(appID)
			c.Grants, c.Access = []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}, nil
			s.Register(c)
		},
		"a minute passes": func(s *signIn) { s.Pass(session.CodeLife) },
	}
	for name, happen := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSignIn(t)
			code := s.code(appID, nil)
			happen(s)
			got := routetest.Do(s.fresh(), request(code))
			if got.Error() != "invalid_grant" && (name != "the client is disabled" || got.Error() != "invalid_client") {
				t.Errorf("answer = %d %s, want invalid_grant", got.Status, got.Body)
			}
			s.live(t, 0)
		})
	}
}

// An outage of the table is no verdict on the code: it still works.
func TestOutageAtTheExchange(t *testing.T) {
	s := newSignIn(t)
	code := s.code(appID, nil)
	issuer := s.Issuer()
	issuer.Sessions.Sessions = "no-such-table"
	down := s.Route(contract.Token, &token.Handler{Auth: s.Auth(), Codes: s.Codes(), Issue: issuer})
	got := routetest.Do(down, request(code))
	if got.Status != 503 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("answer = %d %s, want 503 temporarily_unavailable", got.Status, got.Body)
	}
	if got := s.redeem(code); got.Status != 200 {
		t.Errorf("afterwards = %d %s, want 200", got.Status, got.Body)
	}
}
