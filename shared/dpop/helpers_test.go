package dpop_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

const issuer = "https://auth.example.com"

// bench is a verifier with a clock that tests turn, in front of a real table.
type bench struct {
	*sessiontest.Bench
	*dpop.Verifier
	key *ecdsa.PrivateKey
	t   testing.TB
	// macs are the keys of nonces, the active one first.
	macs []*keys.MACKey
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{Bench: sessiontest.New(t), key: tokentest.NewKey(t), t: t}
	b.macs = []*keys.MACKey{{ID: "AAAAAAAA", Key: []byte("a key of thirty-two bytes, really")}}
	b.Verifier = &dpop.Verifier{
		Issuer: issuer, Now: b.Clock.Tell, Replay: &replay.Store{DB: b.DB, Sessions: b.Sessions, Now: b.Clock.Tell},
		Nonces: func(_ context.Context, id string) (*keys.MACKey, error) {
			for _, k := range b.macs {
				if id == "" || id == k.ID {
					return k, nil
				}
			}
			return nil, keys.ErrUnknown
		},
	}
	return b
}

// mold makes proofs for POST /token.
func (b *bench) mold() tokentest.Mold {
	b.t.Helper()
	now := b.Clock.Now()
	return tokentest.Mold{
		Key: b.key, Types: []string{dpop.Type}, Header: map[string]any{"jwk": tokentest.JWK(b.t, b.key)}, Now: now,
		Claims: map[string]any{"jti": "j", "htm": "POST", "htu": issuer + "/token", "iat": now.Unix()},
		Origin: "htu", Audience: "htm",
	}
}

// proof is one for POST /token with other claims; a nil one is left out.
func (b *bench) proof(claims map[string]any) string {
	b.t.Helper()
	return b.mold().Sign(b.t, func(_, c map[string]any) {
		for name, value := range claims {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	})
}

func (b *bench) jkt() string {
	b.t.Helper()
	jwk := jose.JSONWebKey{Key: b.key.Public()}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		b.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// post is POST /token with proofs.
func post(proofs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

func code(err error) oauth.Code {
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return refused.Code
	}
	return ""
}

func ath(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// signedBy is a proof for POST /token, now, that go-jose signs.
func (b *bench) signedBy(alg string, private any) string {
	b.t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType(dpop.Type)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: private}, options)
	if err != nil {
		b.t.Fatal(err)
	}
	body := b.mold().Claims
	body["jti"] = rand.Text()
	claims, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

var anyClient = &client.Client{ID: "app"}
