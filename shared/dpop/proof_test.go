package dpop_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

func TestKeysOfProofs(t *testing.T) {
	b := newBench(t)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	long, _ := rsa.GenerateKey(rand.Reader, 2048)
	// A library that uses the new name of EdDSA (RFC 9864), as oauth4webapi does.
	parts := strings.Split(b.signedBy("EdDSA", ed), ".")
	head, _ := base64.RawURLEncoding.DecodeString(parts[0])
	input := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(head), "EdDSA", "Ed25519", 1))) + "." + parts[1]
	newName := input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(ed, []byte(input)))
	jwk := func(change func(map[string]any)) string {
		return b.mold().Sign(t, func(h, _ map[string]any) {
			key := tokentest.JWK(t, b.key)
			change(key)
			h["jwk"] = key
		})
	}
	for _, tt := range []struct {
		name  string
		proof string
		good  bool
	}{
		{"ES256", b.signedBy("ES256", b.key), true},
		{"EdDSA", b.signedBy("EdDSA", ed), true},
		{"EdDSA by its new name", newName, true},
		{"ES384", b.signedBy("ES384", p384), false},
		{"RS256", b.signedBy("RS256", long), false},
		{"PS256", b.signedBy("PS256", long), false},
		{"what libraries export with a key", jwk(func(k map[string]any) {
			k["use"], k["alg"], k["kid"], k["ext"], k["key_ops"] = "sig", "ES256", "k", true, []string{"verify"}
		}), true},
		{"a private key", jwk(func(k map[string]any) { k["d"] = strings.Repeat("A", 43) }), false},
		{"an empty private key", jwk(func(k map[string]any) { k["d"] = "" }), false},
		{"a certificate", jwk(func(k map[string]any) { k["x5c"] = []string{"MA=="} }), false},
		{"half a point", jwk(func(k map[string]any) { delete(k, "y") }), false},
		{"a point that is not on the curve", jwk(func(k map[string]any) { k["y"] = k["x"] }), false},
		{"a point at infinity", jwk(func(k map[string]any) { k["x"], k["y"] = strings.Repeat("A", 43), strings.Repeat("A", 43) }), false},
		{"another curve's name", jwk(func(k map[string]any) { k["crv"] = "P-384" }), false},
		{"another type of key", jwk(func(k map[string]any) { k["kty"] = "OKP" }), false},
		{"a number for a text", jwk(func(k map[string]any) { k["x"] = 7 }), false},
		{"a coordinate with a zero more", jwk(func(k map[string]any) { k["x"] = "AA" + k["x"].(string) }), false},
		{"an empty key", b.mold().Sign(t, func(h, _ map[string]any) { h["jwk"] = map[string]any{} }), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.Optional(post(tt.proof), anyClient)
			if (err == nil) != tt.good || !tt.good && code(err) != oauth.InvalidDPoPProof {
				t.Errorf("Optional(%s) = %v, want good %t", tt.proof, err, tt.good)
			}
		})
	}
}

func TestValidThumbprint(t *testing.T) {
	good := newBench(t).jkt()
	if !dpop.ValidThumbprint(good) {
		t.Errorf("ValidThumbprint(%q) = false", good)
	}
	for _, s := range []string{"", good[:42], good + "A", good + "=", good[:42] + "\n", "!" + good[1:], strings.Repeat("A", 42) + "B", good + "\n"} {
		if dpop.ValidThumbprint(s) {
			t.Errorf("ValidThumbprint(%q) = true", s)
		}
	}
}

// FuzzRead: a proof that Read accepts has all that a proof must have, and every other
// one is reported as invalid.
func FuzzRead(f *testing.F) {
	b := newBench(f)
	good := b.proof(nil)
	f.Add(good)
	f.Add(b.proof(map[string]any{"ath": "x", "nonce": "y", "exp": 1e300}))
	for i, forged := range b.mold().Forge(f) {
		if i%5 == 0 {
			f.Add(forged.JWT)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := dpop.Read(text)
		if (p == nil) != (err != nil) || err != nil && !errors.Is(err, token.ErrInvalid) {
			t.Fatalf("Read(%q) = %v, %v, want a proof or ErrInvalid", text, p, err)
		}
		if p != nil && (!dpop.ValidThumbprint(p.JKT) || p.ID == "" || p.Method == "" || p.URL == "") {
			t.Errorf("Read(%q) = %+v", text, p)
		}
	})
}
