package dpop_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

func TestOptional(t *testing.T) {
	b := newBench(t)
	strict := &client.Client{ID: "strict", RequireDPoP: true}
	for _, tt := range []struct {
		name    string
		client  *client.Client
		request *http.Request
		jkt     string
		code    oauth.Code
	}{
		{"a proof", anyClient, post(b.proof(nil)), b.jkt(), ""},
		{"no proof", anyClient, post(), "", ""},
		{"a proof of a client that must", strict, post(b.proof(nil)), b.jkt(), ""},
		{"no proof of a client that must", strict, post(), "", oauth.InvalidDPoPProof},
		{"an empty header", anyClient, post(""), "", oauth.InvalidDPoPProof},
		{"two proofs", anyClient, post(b.proof(nil), b.proof(nil)), "", oauth.InvalidDPoPProof},
		{"two proofs that the gateway joined", anyClient, post(b.proof(nil) + ", " + b.proof(nil)), "", oauth.InvalidDPoPProof},
		{"an access token's hash that nobody asked for", anyClient, post(b.proof(map[string]any{"ath": "x"})), b.jkt(), ""},
		{"a nonce that nobody asked for", anyClient, post(b.proof(map[string]any{"nonce": "x"})), b.jkt(), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			jkt, err := b.Optional(tt.request, tt.client)
			if jkt != tt.jkt || code(err) != tt.code || (err != nil) != (tt.code != "") {
				t.Errorf("Optional = %q, %v, want %q, %q", jkt, err, tt.jkt, tt.code)
			}
		})
	}
}

// Keycloak CVE-2026-11800 and similar: every forgery of the table is refused as a
// proof.
func TestKeycloakCVE202611800EveryForgery(t *testing.T) {
	b := newBench(t)
	m := b.mold()
	if _, err := b.Optional(post(m.Sign(t, nil)), anyClient); err != nil {
		t.Fatalf("the good one = %v", err)
	}
	for _, f := range m.Forge(t) {
		if jkt, err := b.Optional(post(f.JWT), anyClient); code(err) != oauth.InvalidDPoPProof || jkt != "" {
			t.Errorf("%s = %q, %v, want invalid_dpop_proof: %s", f, jkt, err, f.JWT)
		}
	}
}

func TestWhatAProofIsFor(t *testing.T) {
	b := newBench(t)
	now := b.Clock.Now().Unix()
	for _, tt := range []struct {
		name   string
		claims map[string]any
		good   bool
	}{
		{"host in capitals, with its port", map[string]any{"htu": "HTTPS://AUTH.Example.com:443/token"}, true},
		{"query and fragment", map[string]any{"htu": issuer + "/token?a=b#c"}, true},
		{"another path", map[string]any{"htu": issuer + "/par"}, false},
		{"a path below", map[string]any{"htu": issuer + "/token/"}, false},
		{"a path around a corner", map[string]any{"htu": issuer + "/x/../token"}, false},
		{"an escaped path", map[string]any{"htu": issuer + "/%74oken"}, false},
		{"path in capitals", map[string]any{"htu": issuer + "/TOKEN"}, false},
		{"no path", map[string]any{"htu": issuer}, false},
		{"no scheme", map[string]any{"htu": "auth.example.com/token"}, false},
		{"no host", map[string]any{"htu": "https:/token"}, false},
		{"path alone", map[string]any{"htu": "/token"}, false},
		{"http", map[string]any{"htu": "http://auth.example.com/token"}, false},
		{"another port", map[string]any{"htu": "https://auth.example.com:8443/token"}, false},
		{"the port of http", map[string]any{"htu": "https://auth.example.com:80/token"}, false},
		{"somebody in front of the host", map[string]any{"htu": "https://auth.example.com@evil.example/token"}, false},
		{"somebody before our host", map[string]any{"htu": "https://x@auth.example.com/token"}, false},
		{"a host that begins like ours", map[string]any{"htu": "https://auth.example.com.evil.example/token"}, false},
		{"no URL", map[string]any{"htu": "https://%zz/token"}, false},
		{"opaque", map[string]any{"htu": "https:auth.example.com/token"}, false},
		{"method in small letters", map[string]any{"htm": "post"}, false},
		{"another method", map[string]any{"htm": "GET"}, false},
		{"a minute old", map[string]any{"iat": now - 59}, true},
		{"more than a minute old", map[string]any{"iat": now - 61}, false},
		{"almost a minute ahead", map[string]any{"iat": now + 59}, true},
		{"more than a minute ahead", map[string]any{"iat": now + 62}, false},
		{"a fraction of a second", map[string]any{"iat": float64(now) - 0.5}, true},
		{"no iat", map[string]any{"iat": nil}, false},
		{"an expiry ahead", map[string]any{"exp": now + 10}, true},
		{"an expiry behind", map[string]any{"exp": now - 1}, false},
		{"no jti", map[string]any{"jti": nil}, false},
		{"an empty jti", map[string]any{"jti": ""}, false},
		{"a long jti", map[string]any{"jti": strings.Repeat("j", 256)}, true},
		{"a longer jti", map[string]any{"jti": strings.Repeat("j", 257)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.Optional(post(b.proof(tt.claims)), anyClient)
			if (err == nil) != tt.good || !tt.good && code(err) != oauth.InvalidDPoPProof {
				t.Errorf("Optional with %v = %v, want good %t", tt.claims, err, tt.good)
			}
		})
	}
}

// The host in a request counts for nothing: Zitadel GHSA-7wfc-4796-gmg5.
func TestZitadelGHSA7wfcHostOfTheRequest(t *testing.T) {
	b := newBench(t)
	r := post(b.proof(map[string]any{"htu": "https://evil.example/token"}))
	r.Host = "evil.example"
	r.Header.Set("X-Forwarded-Host", "evil.example")
	if _, err := b.Optional(r, anyClient); code(err) != oauth.InvalidDPoPProof {
		t.Errorf("Optional = %v, want invalid_dpop_proof", err)
	}
	r = post(b.proof(nil))
	r.Host = "evil.example"
	if _, err := b.Optional(r, anyClient); err != nil {
		t.Errorf("Optional with another Host and a proof for the issuer = %v, want nil", err)
	}
}

func TestPresent(t *testing.T) {
	b := newBench(t)
	const accessToken = "an.access.token"
	get := func(claims map[string]any) *http.Request {
		for name, value := range map[string]any{"htm": "GET", "htu": issuer + "/sessions"} {
			claims[name] = value
		}
		r := httptest.NewRequest(http.MethodGet, "/sessions?client_id=x", nil)
		r.Header.Set("DPoP", b.proof(claims))
		return r
	}
	good := func() map[string]any { return map[string]any{"ath": ath(accessToken)} }
	for _, tt := range []struct {
		name    string
		request *http.Request
		jkt     string
		code    oauth.Code
	}{
		{"good", get(good()), b.jkt(), ""},
		{"bound to another key", get(good()), strings.Repeat("A", 43), oauth.InvalidToken},
		{"bound to nothing", get(good()), "", oauth.InvalidToken},
		{"no ath", get(map[string]any{}), b.jkt(), oauth.InvalidDPoPProof},
		{"ath of another token", get(map[string]any{"ath": ath("another")}), b.jkt(), oauth.InvalidDPoPProof},
		{"ath with padding", get(map[string]any{"ath": ath(accessToken) + "="}), b.jkt(), oauth.InvalidDPoPProof},
		{"no proof", httptest.NewRequest(http.MethodGet, "/sessions", nil), b.jkt(), oauth.InvalidDPoPProof},
		{"a proof for the token endpoint", post(b.proof(good())), b.jkt(), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := b.Present(tt.request, accessToken, tt.jkt); code(err) != tt.code || (err != nil) != (tt.code != "") {
				t.Errorf("Present = %v, want %q", err, tt.code)
			}
		})
	}
	r := get(good())
	if err := b.Present(r, accessToken, b.jkt()); err != nil {
		t.Fatal(err)
	}
	if err := b.Present(r, accessToken, b.jkt()); code(err) != oauth.InvalidDPoPProof {
		t.Errorf("the same request again = %v, want invalid_dpop_proof", err)
	}
	r = get(good())
	r.Method = http.MethodDelete
	if err := b.Present(r, accessToken, b.jkt()); code(err) != oauth.InvalidDPoPProof {
		t.Errorf("a proof of a GET with a DELETE = %v, want invalid_dpop_proof", err)
	}
}
