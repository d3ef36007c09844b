package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// signWith signs an empty object with any algorithm of go-jose.
func signWith(t testing.TB, alg string, key any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p256 := tokentest.NewKey(t)
	edPublic, ed, _ := ed25519.GenerateKey(rand.Reader)
	edText := signWith(t, "EdDSA", ed)
	// go-jose does not know the new name of the algorithm.
	input := b64([]byte(`{"alg":"Ed25519"}`)) + "." + b64([]byte("{}"))
	newName := input + "." + b64(ed25519.Sign(ed, []byte(input)))
	tests := []struct {
		name string
		text string
		key  keys.Verifying
		good bool
	}{
		{"ES256", signWith(t, "ES256", p256), keys.Verifying{Algorithm: "ES256", Key: p256.Public()}, true},
		{"RS256", signWith(t, "RS256", rsaKey), keys.Verifying{Algorithm: "RS256", Key: rsaKey.Public()}, true},
		{"PS256", signWith(t, "PS256", rsaKey), keys.Verifying{Algorithm: "PS256", Key: rsaKey.Public()}, true},
		{"EdDSA", edText, keys.Verifying{Algorithm: "EdDSA", Key: edPublic}, true},
		{"Ed25519 for EdDSA", newName, keys.Verifying{Algorithm: "EdDSA", Key: edPublic}, true},
		{"EdDSA for Ed25519", edText, keys.Verifying{Algorithm: "Ed25519", Key: edPublic}, true},
		{"RS256 where PS256 is expected", signWith(t, "RS256", rsaKey), keys.Verifying{Algorithm: "PS256", Key: rsaKey.Public()}, false},
		{"PS256 where RS256 is expected", signWith(t, "PS256", rsaKey), keys.Verifying{Algorithm: "RS256", Key: rsaKey.Public()}, false},
		{"ES384", signWith(t, "ES384", p384), keys.Verifying{Algorithm: "ES384", Key: p384.Public()}, false},
		{"ES256 with a P-384 key", signWith(t, "ES384", p384), keys.Verifying{Algorithm: "ES256", Key: p384.Public()}, false},
		{"HS256", signWith(t, "HS256", []byte(strings.Repeat("k", 32))), keys.Verifying{Algorithm: "HS256", Key: []byte(strings.Repeat("k", 32))}, false},
		{"a short RSA key", signWith(t, "RS256", rsaKey), keys.Verifying{Algorithm: "RS256", Key: &rsa.PublicKey{N: big.NewInt(77), E: 3}}, false},
		{"a huge RSA key", signWith(t, "RS256", rsaKey), keys.Verifying{Algorithm: "RS256", Key: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 9000), E: 3}}, false},
		{"no key", edText, keys.Verifying{Algorithm: "EdDSA"}, false},
		{"a key with a part", edText, keys.Verifying{Algorithm: "EdDSA", Key: edPublic[:31]}, false},
		{"an Ed25519 key for ES256", edText, keys.Verifying{Algorithm: "ES256", Key: edPublic}, false},
		{"another Ed25519 key", edText, keys.Verifying{Algorithm: "EdDSA", Key: append(edPublic[:31:31], edPublic[31]^1)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			jws, err := token.Parse(tt.text)
			if err != nil {
				t.Fatalf("Parse(%s) = %v", tt.text, err)
			}
			if err := jws.Verify(tt.key); (err == nil) != tt.good || err != nil && !errors.Is(err, token.ErrInvalid) {
				t.Errorf("Verify = %v, want good %t", err, tt.good)
			}
		})
	}
}

func TestUnexpectedHeaderIsRefused(t *testing.T) {
	jwk := b64([]byte(`{"alg":"ES256","jwk":{"kty":"EC"}}`)) + "." + b64([]byte("{}")) + "." + b64([]byte("x"))
	if _, err := token.Parse(jwk); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a header with a key = %v, want ErrInvalid", err)
	}
	if jws, err := token.Parse(jwk, "jwk"); err != nil || jws.Key["kty"] != "EC" {
		t.Errorf("a header with a key that is expected = %+v, %v", jws, err)
	}
	if _, err := token.Parse(b64([]byte("null"))+".e30.eA", "jwk"); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a header that is null = %v, want ErrInvalid", err)
	}
	if _, err := token.Parse("e30.e30." + strings.Repeat("A", 1400)); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a signature without end = %v, want ErrInvalid", err)
	}
}

func TestMalformedClaimsAreRefused(t *testing.T) {
	for _, payload := range []string{"null", "[]", "7", `"x"`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":1}}`, `{"a":1}{}`, "{", `{"a":"x"}`} {
		jws, err := token.Parse("e30." + b64([]byte(payload)) + ".eA")
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			A any           `json:"a"`
			B token.Seconds `json:"b"`
		}
		var number struct {
			A int `json:"a"`
		}
		first, second := jws.Claims(&c), jws.Claims(&number)
		if !errors.Is(first, token.ErrInvalid) && !errors.Is(second, token.ErrInvalid) {
			t.Errorf("Claims of %s = %v, %v, want ErrInvalid", payload, first, second)
		}
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[token.Seconds]time.Time{
		0: time.Unix(0, 0), 1.5: time.Unix(1, 5e8), -1.5: time.Unix(-2, 5e8), 1795348800: time.Unix(1795348800, 0),
		1e300: time.Unix(1<<37, 0), -1e300: time.Unix(-1<<37, 0),
	} {
		if got := s.Time(); !got.Equal(want) {
			t.Errorf("Seconds(%v).Time() = %v, want %v", float64(s), got, want)
		}
	}
}

// FuzzParse: an accepted token has one spelling, and a refusal has a reason.
func FuzzParse(f *testing.F) {
	a := newAuthority(f)
	m := a.mold(f)
	f.Add(m.Sign(f, nil))
	for i, forged := range m.Forge(f) {
		if i%7 == 0 {
			f.Add(forged.JWT)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		jws, err := token.Parse(text, "jwk")
		if (jws == nil) != (err != nil) || err != nil && !errors.Is(err, token.ErrInvalid) {
			t.Fatalf("Parse(%q) = %v, %v", text, jws, err)
		}
		if err != nil {
			return
		}
		if strings.Count(text, ".") != 2 || strings.ContainsAny(text, "=+/ \r\n\t\x00") {
			t.Errorf("Parse(%q) accepted it", text)
		}
		var claims map[string]any
		if err := jws.Claims(&claims); err != nil && !errors.Is(err, token.ErrInvalid) {
			t.Errorf("Claims of %q = %v, want ErrInvalid", text, err)
		}
	})
}
