package bearer_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// bench is our API on a stage, and a client with its own key.
type bench struct {
	*routetest.Stage
	guard *bearer.Guard
	key   *ecdsa.PrivateKey
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s := routetest.New(t)
	return &bench{Stage: s, guard: s.Bearer(), key: tokentest.NewKey(t)}
}

// Serve answers a request that may read the state of the stage.
func (b *bench) Serve(w http.ResponseWriter, r *http.Request) error {
	claims, err := b.guard.Require(r.Context(), r, contract.ScopeReady)
	if err != nil {
		return err
	}
	w.Header().Set("X-Client", claims.ClientID)
	return nil
}

// ask asks with an Authorization header and proofs.
func (b *bench) ask(authorization string, proofs ...string) routetest.Answer {
	r := httptest.NewRequest(http.MethodGet, "/ready", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for _, p := range proofs {
		r.Header.Add(dpop.Header, p)
	}
	return routetest.Do(b.Route(contract.Ready, b), r)
}

// mint makes a token for our API, with the changes of change.
func (b *bench) mint(change func(*token.Request)) string {
	b.T.Helper()
	r := token.Request{
		Subject: "operator", ClientID: "operator", Audience: []string{routetest.Issuer + contract.APIPath},
		Scope: "x " + contract.ScopeReady, Algorithm: oauth.ES256, Lifetime: time.Minute,
	}
	if change != nil {
		change(&r)
	}
	minted, err := b.Minter().Mint(b.T.Context(), r)
	if err != nil {
		b.T.Fatal(err)
	}
	return minted.Value
}

// bound makes a token that is bound to the client's key.
func (b *bench) bound() string {
	b.T.Helper()
	proof, err := dpop.Read(b.proof("", nil))
	if err != nil {
		b.T.Fatal(err)
	}
	return b.mint(func(r *token.Request) { r.JKT = proof.JKT })
}

// proof proves the client's key for a request with an access token.
func (b *bench) proof(accessToken string, claims map[string]any) string {
	b.T.Helper()
	sum := sha256.Sum256([]byte(accessToken))
	m := tokentest.Mold{
		Key: b.key, Types: []string{dpop.Type}, Header: map[string]any{"jwk": tokentest.JWK(b.T, b.key)},
		Claims: map[string]any{
			"jti": "j", "htm": "GET", "htu": routetest.Issuer + "/ready", "iat": b.Time.Unix(),
			"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
		},
	}
	return m.Sign(b.T, func(_, c map[string]any) {
		for name, value := range claims {
			c[name] = value
		}
	})
}

func TestRequire(t *testing.T) {
	b := newBench(t)
	plain, bound := b.mint(nil), b.bound()
	stolen := b.bound()
	thief := *b
	thief.key = tokentest.NewKey(t)
	once := b.proof(bound, nil)
	for _, tt := range []struct {
		name, authorization string
		proofs              []string
		status              int
		code                oauth.Code
		challenge           string // the scheme
	}{
		{"bearer", "Bearer " + plain, nil, 200, "", ""},
		{"bearer in small letters", "bearer " + plain, nil, 200, "", ""},
		{"bearer with a proof that nobody asked for", "Bearer " + plain, []string{"junk"}, 200, "", ""},
		{"bound with a proof", "DPoP " + bound, []string{once}, 200, "", ""},
		{"bound in small letters", "dpop " + bound, []string{b.proof(bound, nil)}, 200, "", ""},
		{"nothing", "", nil, 401, oauth.InvalidToken, "Bearer"},
		{"another scheme", "Basic " + plain, nil, 401, oauth.InvalidToken, "Bearer"},
		{"scheme alone", "Bearer", nil, 401, oauth.InvalidToken, "Bearer"},
		{"scheme and nothing", "DPoP ", nil, 401, oauth.InvalidToken, "Bearer"},
		{"another resource", "Bearer " + b.mint(func(r *token.Request) { r.Audience = []string{"https://orders.example.com"} }), nil, 401, oauth.InvalidToken, "Bearer"},
		{"without the scope", "Bearer " + b.mint(func(r *token.Request) { r.Scope = "readyish" }), nil, 403, oauth.InsufficientScope, "Bearer"},
		// Keycloak #36475 at a resource: a bound token is no bearer token.
		{"bound without a proof, as a bearer's", "Bearer " + bound, nil, 401, oauth.InvalidToken, "Bearer"},
		{"bound with a proof, as a bearer's", "Bearer " + bound, []string{b.proof(bound, nil)}, 401, oauth.InvalidToken, "Bearer"},
		{"bound without a proof", "DPoP " + bound, nil, 401, oauth.InvalidDPoPProof, "DPoP"},
		{"bound with the same proof again", "DPoP " + bound, []string{once}, 401, oauth.InvalidDPoPProof, "DPoP"},
		{"bound with two proofs", "DPoP " + bound, []string{b.proof(bound, nil), b.proof(bound, nil)}, 401, oauth.InvalidDPoPProof, "DPoP"},
		{"bound with the proof of another token", "DPoP " + bound, []string{b.proof(plain, nil)}, 401, oauth.InvalidDPoPProof, "DPoP"},
		{"bound with a proof for another path", "DPoP " + bound, []string{b.proof(bound, map[string]any{"htu": routetest.Issuer + "/sessions"})}, 401, oauth.InvalidDPoPProof, "DPoP"},
		{"bound with a proof for another method", "DPoP " + bound, []string{b.proof(bound, map[string]any{"htm": "POST"})}, 401, oauth.InvalidDPoPProof, "DPoP"},
		{"stolen, with the thief's proof", "DPoP " + stolen, []string{thief.proof(stolen, nil)}, 401, oauth.InvalidToken, "DPoP"},
		{"a bearer's token as bound", "DPoP " + plain, []string{b.proof(plain, nil)}, 401, oauth.InvalidToken, "DPoP"},
		{"bound, for another resource", "DPoP " + b.mint(func(r *token.Request) { r.Audience, r.JKT = []string{"x"}, "j" }), nil, 401, oauth.InvalidToken, "DPoP"},
		{"garbage as bound", "DPoP garbage", []string{b.proof("garbage", nil)}, 401, oauth.InvalidToken, "DPoP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := b.ask(tt.authorization, tt.proofs...)
			if got.Status != tt.status || got.Error() != string(tt.code) {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
			if scheme, _, _ := strings.Cut(got.Header.Get("WWW-Authenticate"), " "); scheme != tt.challenge {
				t.Errorf("WWW-Authenticate = %q, want the scheme %q", got.Header.Get("WWW-Authenticate"), tt.challenge)
			}
		})
	}
}

func TestChallenge(t *testing.T) {
	b := newBench(t)
	const where = `, scope="ready", resource_metadata="https://auth.example.com/.well-known/oauth-protected-resource/api"`
	for authorization, want := range map[string]string{
		"":         `Bearer realm="https://auth.example.com"` + where,
		"Bearer x": `Bearer realm="https://auth.example.com", error="invalid_token", error_description="the access token is not valid"` + where,
		"DPoP x": `DPoP realm="https://auth.example.com", error="invalid_token", error_description="the access token is not valid"` + where +
			`, algs="ES256 EdDSA Ed25519"`,
	} {
		if got := b.ask(authorization).Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("the challenge after %q is %s, want %s", authorization, got, want)
		}
	}
	b.guard.Audience = routetest.Issuer + "/userinfo"
	if got, want := b.ask("").Header.Get("WWW-Authenticate"), `Bearer realm="https://auth.example.com", scope="ready"`; got != want {
		t.Errorf("the challenge of another resource is %s, want %s", got, want)
	}
}

// A resource of ours that is not the API takes tokens for itself alone.
func TestAnotherAudience(t *testing.T) {
	b := newBench(t)
	api := b.mint(nil)
	b.guard.Audience = routetest.Issuer + "/userinfo"
	if got := b.ask("Bearer " + api); got.Status != 401 {
		t.Errorf("a token for the API = %d, want 401", got.Status)
	}
	own := b.mint(func(r *token.Request) { r.Audience = []string{"https://orders.example.com", b.guard.Audience} })
	if got := b.ask("Bearer " + own); got.Status != 200 || got.Header.Get("X-Client") != "operator" {
		t.Errorf("a token for it = %d %s, want 200", got.Status, got.Body)
	}
}

// Without a verifier a bound token is refused, with a proof and without.
func TestBoundTokenWithoutAVerifier(t *testing.T) {
	b := newBench(t)
	b.guard.Proofs = nil
	bound := b.bound()
	for _, scheme := range []string{"Bearer ", "DPoP "} {
		if got := b.ask(scheme+bound, b.proof(bound, nil)); got.Status != 401 || got.Error() != string(oauth.InvalidToken) {
			t.Errorf("%s= %d %s, want 401 invalid_token", scheme, got.Status, got.Body)
		}
	}
	if got := b.ask("Bearer " + b.mint(nil)); got.Status != 200 {
		t.Errorf("a bearer's token = %d %s, want 200", got.Status, got.Body)
	}
}

// mold makes tokens of the stage for our API.
func (b *bench) mold() tokentest.Mold {
	b.T.Helper()
	k, err := b.Document.Active(oauth.ES256)
	if err != nil {
		b.T.Fatal(err)
	}
	signer, err := k.Signer()
	if err != nil {
		b.T.Fatal(err)
	}
	return tokentest.Mold{
		Key: signer, KeyID: k.ID, Types: []string{token.AccessType}, Now: b.Time,
		Claims: map[string]any{
			"iss": routetest.Issuer, "aud": routetest.Issuer + contract.APIPath, "sub": "operator", "client_id": "operator",
			"scope": contract.ScopeReady, "jti": "j", "iat": b.Time.Unix(), "exp": b.Time.Unix() + 60,
		},
	}
}

// Keycloak CVE-2026-11800 and similar: every forgery of the table is refused as an
// access token.
func TestKeycloakCVE202611800EveryForgery(t *testing.T) {
	b := newBench(t)
	m := b.mold()
	if got := b.ask("Bearer " + m.Sign(t, nil)); got.Status != 200 {
		t.Fatalf("the good one = %d %s", got.Status, got.Body)
	}
	for _, f := range m.Forge(t) {
		if got := b.ask("Bearer " + f.JWT); got.Status != 401 || got.Error() != string(oauth.InvalidToken) {
			t.Errorf("%s = %d %s, want 401 invalid_token: %s", f, got.Status, got.Body, f.JWT)
		}
	}
}

// A confirmation that names no key, or another kind of key, binds all the same: no
// client can meet it.
func TestConfirmationsThatNobodyCanMeet(t *testing.T) {
	b := newBench(t)
	for name, cnf := range map[string]any{
		"empty": map[string]any{}, "an empty thumbprint": map[string]any{"jkt": ""}, "a certificate's": map[string]any{"x5t#S256": "x"},
	} {
		value := b.mold().Sign(t, func(_, claims map[string]any) { claims["cnf"] = cnf })
		for _, scheme := range []string{"Bearer ", "DPoP "} {
			if got := b.ask(scheme+value, b.proof(value, nil)); got.Status != 401 {
				t.Errorf("%s with %s= %d %s, want 401", name, scheme, got.Status, got.Body)
			}
		}
	}
}

// An outage is no verdict on a proof.
func TestOutage(t *testing.T) {
	b := newBench(t)
	bound := b.bound()
	b.guard.Proofs.Replay.Sessions = "no-such-table"
	if got := b.ask("DPoP "+bound, b.proof(bound, nil)); got.Status != 503 || got.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("answer = %d %s, want 503 without a challenge", got.Status, got.Body)
	}
}

func TestPresented(t *testing.T) {
	for authorization, want := range map[string]bool{
		"": false, "Bearer": false, "Bearer ": false, "Bearer x": true, "BEARER x": true, "DPoP x": true, "Basic x": false, "DPoPx y": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", authorization)
		if got := bearer.Presented(r); got != want {
			t.Errorf("Presented with %q = %t, want %t", authorization, got, want)
		}
	}
}

// The refusal of a proof keeps its cause for the log.
func TestCauseIsKept(t *testing.T) {
	b := newBench(t)
	r := httptest.NewRequest(http.MethodGet, "/ready", nil)
	r.Header.Set("Authorization", "Bearer x")
	if _, err := b.guard.Require(t.Context(), r, contract.ScopeReady); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("Require = %v, want token.ErrInvalid under it", err)
	}
}
