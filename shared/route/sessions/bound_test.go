package sessions_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// proof proves a key for one request with an access token.
func proof(h *routetest.Home, key *ecdsa.PrivateKey, method, path, accessToken string) string {
	h.T.Helper()
	sum := sha256.Sum256([]byte(accessToken))
	return tokentest.Mold{
		Key: key, Types: []string{dpop.Type}, Header: map[string]any{"jwk": tokentest.JWK(h.T, key)},
		Claims: map[string]any{
			"jti": "j", "htm": method, "htu": routetest.Issuer + path, "iat": h.Time.Unix(),
			"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
		},
	}.Sign(h.T, nil)
}

// A token that is bound to a key shows and ends sessions with a proof for each
// request, and nothing without.
func TestBoundToken(t *testing.T) {
	h := routetest.Furnish(t)
	begun, other := h.Grant(routetest.Phone, h.Ada), h.Grant(routetest.Web, h.Ada)
	mine, thief := tokentest.NewKey(t), tokentest.NewKey(t)
	read, err := dpop.Read(proof(h, mine, "GET", "/sessions", ""))
	if err != nil {
		t.Fatal(err)
	}
	g := begun.Grant
	bound := mint(h, token.Request{
		Subject: g.Subject, ClientID: g.Client, Scope: contract.ScopeSessions, SessionID: g.ID, AuthTime: g.AuthTime, JKT: read.JKT,
	})
	one := "/sessions/" + other.Grant.ID
	for _, tt := range []struct {
		name, scheme, method, path, proof string
		status                            int
		code                              string
	}{
		{"as a bearer's", "Bearer", "GET", "/sessions", proof(h, mine, "GET", "/sessions", bound), 401, "invalid_token"},
		{"without a proof", "DPoP", "GET", "/sessions", "", 401, "invalid_dpop_proof"},
		{"with a thief's proof", "DPoP", "GET", "/sessions", proof(h, thief, "GET", "/sessions", bound), 401, "invalid_token"},
		{"with the proof of a look, to end", "DPoP", "DELETE", one, proof(h, mine, "GET", "/sessions", bound), 401, "invalid_dpop_proof"},
		{"with the proof for another one", "DPoP", "DELETE", one, proof(h, mine, "DELETE", "/sessions/"+g.ID, bound), 401, "invalid_dpop_proof"},
		{"a look", "DPoP", "GET", "/sessions", proof(h, mine, "GET", "/sessions", bound), 200, ""},
		{"the end of another", "DPoP", "DELETE", one, proof(h, mine, "DELETE", one, bound), 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, http.NoBody)
			r.Header.Set("Authorization", tt.scheme+" "+bound)
			if tt.proof != "" {
				r.Header.Set(dpop.Header, tt.proof)
			}
			got := routetest.Do(route(h), r)
			if got.Status != tt.status || got.Text("code") != tt.code {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
		})
	}
}
