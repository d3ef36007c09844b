// Package tokentest forges JWTs in every way that is known to have worked against a real
// server. Each place that accepts a JWT can be tested with all of them.
//
// # Use
//
// A test describes a good JWT for its place with a [Mold]. It shows that the place
// accepts the result of [Mold.Sign], and that it refuses everything from [Mold.Forge]:
//
//	if !accepts(mold.Sign(t, nil)) {
//		t.Fatal("the good one is refused")
//	}
//	for _, f := range mold.Forge(t) {
//		t.Run(f.String(), func(t *testing.T) {
//			if accepts(f.JWT) {
//				t.Errorf("%s was accepted: %s", f, f.JWT)
//			}
//		})
//	}
package tokentest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Kinds are the kinds of forgery. Each has several variants.
var Kinds = [18]string{
	"alg none",
	"HS256 over the public key",
	"another algorithm's name",
	"signed by another key",
	"another type",
	"kid is a path",
	"critical extension",
	"b64 false",
	"key inside",
	"key at an address",
	"member twice",
	"expired",
	"from the future",
	"another issuer",
	"another audience",
	"signature cut",
	"another form",
	"too long",
}

// Mold describes a good JWT for a place that accepts ES256.
type Mold struct {
	// Key is the private key that the place trusts, an ECDSA key on P-256, and
	// KeyID its kid, empty where the header has none.
	Key   crypto.Signer
	KeyID string
	// Types are the accepted values of typ, "" for a header without one. Good JWTs
	// have the first.
	Types []string
	// Header has further header members, such as the jwk of a proof.
	Header map[string]any
	// Claims are the claims of a good JWT. If they include a jti, every JWT gets a new one.
	Claims map[string]any
	// Origin is the claim that names the maker of the JWT, empty for "iss". Audience
	// is the claim that names what the JWT is for, empty for "aud".
	Origin, Audience string
	// Now is the time of the place.
	Now time.Time
	// Lasting reports that the place accepts expired JWTs, such as hints.
	Lasting bool
}

// Forgery is a JWT that must be refused.
type Forgery struct {
	// Kind is one of Kinds, and Variant describes the change.
	Kind, Variant string
	JWT           string
}

func (f Forgery) String() string { return f.Kind + ": " + f.Variant }

// Sign returns a JWT from the mold after change has modified it. A nil change makes a
// good one.
func (m Mold) Sign(tb testing.TB, change func(header, claims map[string]any)) string {
	tb.Helper()
	header, claims := m.parts()
	if change != nil {
		change(header, claims)
	}
	return m.SignText(tb, text(tb, header), text(tb, claims))
}

// SignText signs any two texts as header and claims, with the right key.
func (m Mold) SignText(tb testing.TB, header, claims string) string {
	tb.Helper()
	return signed(tb, m.Key, encode(header)+"."+encode(claims))
}

// parts returns the header and the claims of a good JWT, for the caller to change.
func (m Mold) parts() (header, claims map[string]any) {
	header, claims = map[string]any{"alg": "ES256"}, maps.Clone(m.Claims)
	if len(m.Types) > 0 && m.Types[0] != "" {
		header["typ"] = m.Types[0]
	}
	if m.KeyID != "" {
		header["kid"] = m.KeyID
	}
	maps.Copy(header, m.Header)
	if _, ok := claims["jti"]; ok {
		claims["jti"] = rand.Text()
	}
	return header, claims
}

// JWK returns the public half of a key as a JSON Web Key without other members.
func JWK(tb testing.TB, key crypto.Signer) map[string]any {
	tb.Helper()
	data, err := json.Marshal(jose.JSONWebKey{Key: key.Public()})
	if err != nil {
		tb.Fatal(err)
	}
	var jwk map[string]any
	if err := json.Unmarshal(data, &jwk); err != nil {
		tb.Fatal(err)
	}
	return jwk
}

// NewKey returns a new key for ES256.
func NewKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// signed appends the ES256 signature of input by key.
func signed(tb testing.TB, key crypto.Signer, input string) string {
	tb.Helper()
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		tb.Fatalf("the key of the mold is a %T, want one for ES256", key)
	}
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
	if err != nil {
		tb.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + encode(string(signature))
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func text(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}
