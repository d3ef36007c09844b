package dpop_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// At the token endpoint a client gets the nonce in a header that its page may read,
// and gets a bound token with it (RFC 9449 §8).
func TestNonceOverHTTP(t *testing.T) {
	s := routetest.New(t)
	secret := s.Register(client.Client{ID: "wary", Grants: []string{oauth.GrantClientCredentials}, RequireDPoP: true, DPoPNonce: true})
	route := s.Route(contract.Token, &token.Handler{Auth: s.Auth(), Issue: s.Issuer()})
	key := tokentest.NewKey(t)
	mold := tokentest.Mold{
		Key: key, Types: []string{dpop.Type}, Header: map[string]any{"jwk": tokentest.JWK(t, key)},
		Claims: map[string]any{"jti": "j", "htm": "POST", "htu": routetest.Issuer + "/token", "iat": s.Time.Unix()},
	}
	ask := func(proof string) routetest.Answer {
		r := routetest.Form("/token", url.Values{"grant_type": {oauth.GrantClientCredentials}})
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("wary:"+secret)))
		if proof != "" {
			r.Header.Set(dpop.Header, proof)
		}
		return routetest.Do(route, r)
	}
	if got := ask(""); got.Status != http.StatusBadRequest || got.Error() != "invalid_dpop_proof" || got.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("without a proof = %d %s, want 400 invalid_dpop_proof without a challenge", got.Status, got.Body)
	}
	got := ask(mold.Sign(t, nil))
	nonce := got.Header.Get("DPoP-Nonce")
	if got.Status != http.StatusBadRequest || got.Error() != "use_dpop_nonce" || nonce == "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("without a nonce = %d %s %v, want 400 use_dpop_nonce and a nonce", got.Status, got.Body, got.Header)
	}
	proof := mold.Sign(t, func(_, c map[string]any) { c["nonce"] = nonce })
	got = ask(proof)
	read, err := dpop.Read(proof)
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != http.StatusOK || got.Text("token_type") != oauth.TokenTypeDPoP {
		t.Fatalf("with the nonce = %d %s, want a token of the type DPoP", got.Status, got.Body)
	}
	if cnf, _ := routetest.Claims(t, got.Text("access_token"))["cnf"].(map[string]any); cnf["jkt"] != read.JKT {
		t.Errorf("the token is bound to %v, want %s", cnf, read.JKT)
	}
	if got := ask(proof); got.Status != http.StatusBadRequest || got.Error() != "invalid_dpop_proof" {
		t.Errorf("the same proof again = %d %s, want 400 invalid_dpop_proof", got.Status, got.Body)
	}
}
