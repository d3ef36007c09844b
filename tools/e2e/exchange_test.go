package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// exchange requests a token of the stock API in exchange for subject; change adds,
// replaces or, with nil, removes parameters.
func exchange(subject string, change url.Values) request {
	form := url.Values{
		"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token": {subject}, "subject_token_type": {accessTokenType}, "audience": {target.stock},
	}
	for name, values := range change {
		form[name] = values
	}
	return request{method: "POST", path: "/token", id: target.gatewayID, secret: target.gatewaySecret, form: form}
}

// TestExchange: an API calls another API on behalf of its caller. The new token names
// the subject and the actor, is no wider than the old one and ends with it (RFC
// 8693).
func TestExchange(t *testing.T) {
	p := someone()
	begun := target.notes.signedIn(t, p, url.Values{"scope": {"offline_access orders:read orders:write"}})
	subject := text(t, begun, "access_token")
	a := exchange(subject, nil).do(t)
	if a.status != 200 || text(t, a, "issued_token_type") != accessTokenType || a.object(t)["refresh_token"] != nil {
		t.Fatalf("exchange = %d %s, want an access token and nothing else", a.status, a.body)
	}
	was, is := payload(t, subject), payload(t, text(t, a, "access_token"))
	act, _ := is["act"].(map[string]any)
	if is["sub"] != was["sub"] || is["client_id"] != target.gatewayID || act["sub"] != target.gatewayID || is["aud"] != target.stock || is["scope"] != target.scope {
		t.Errorf("claims = %v out of %v, want the same subject, by %s, for %s only", is, was, target.gatewayID, target.stock)
	}
	if until(t, is) > until(t, was) {
		t.Errorf("the new token lives until %v, the old one until %v", is["exp"], was["exp"])
	}
	ask := request{method: "POST", path: "/introspect", id: target.serverID, secret: target.serverSecret, form: url.Values{"token": {text(t, a, "access_token")}}}
	if got := ask.do(t).object(t); got["active"] != true || got["act"] == nil {
		t.Errorf("introspection = %v, want an active token with who acts", got)
	}
	for name, tt := range map[string]struct {
		change url.Values
		code   string
	}{
		"more":                  {url.Values{"scope": {"orders:write"}}, "invalid_scope"},
		"another API":           {url.Values{"audience": {target.otherResource}}, "invalid_target"},
		"nothing of ours":       {url.Values{"subject_token": {"a.b.c"}}, "invalid_request"},
		"something else":        {url.Values{"subject_token_type": {"urn:ietf:params:oauth:token-type:saml2"}}, "invalid_request"},
		"a refresh token":       {url.Values{"requested_token_type": {"urn:ietf:params:oauth:token-type:refresh_token"}}, "invalid_request"},
		"nothing":               {url.Values{"subject_token": nil}, "invalid_request"},
		"an unsigned token":     {url.Values{"subject_token": {unsigned(subject)}}, "invalid_request"},
		"a token without a sig": {url.Values{"subject_token": {subject[:strings.LastIndexByte(subject, '.')+1]}}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			a := exchange(subject, tt.change).do(t)
			if got, _ := a.object(t)["error"].(string); a.status != 400 || got != tt.code {
				t.Errorf("= %d %s, want 400 %s", a.status, a.body, tt.code)
			}
		})
	}
	stranger := exchange(subject, nil)
	stranger.id, stranger.secret = target.notes.id, target.notes.secret
	refused(t, stranger.do(t), 400, "unauthorized_client")

	revocation := request{method: "POST", path: "/revoke", id: target.notes.id, secret: target.notes.secret, form: url.Values{"token": {text(t, begun, "refresh_token")}}}
	if a := revocation.do(t); a.status != 200 {
		t.Fatalf("revocation = %d %s", a.status, a.body)
	}
	if got := ask.do(t).object(t)["active"]; got != false {
		t.Errorf("after the session ended the exchanged token is active: %v", got)
	}
	if a := exchange(subject, nil).do(t); a.status != 400 {
		t.Errorf("exchange after the session ended = %d %s, want a refusal", a.status, a.body)
	}
}

// payload returns the claims of a JWT, without verification.
func payload(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(data, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func until(t *testing.T, claims map[string]any) float64 {
	t.Helper()
	exp, ok := claims["exp"].(float64)
	if !ok {
		t.Fatalf("claims %v have no exp", claims)
	}
	return exp
}

// unsigned returns the token with the algorithm "none".
func unsigned(token string) string {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	return header + "." + strings.Split(token, ".")[1] + "."
}
