package routetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/dpop"
)

// Prover is a client with its own key (RFC 9449).
type Prover struct {
	// JKT is the thumbprint of the key.
	JKT string

	stage  *Stage
	signer jose.Signer
}

// Prover returns a client with a new key.
func (s *Stage) Prover() *Prover {
	s.T.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.T.Fatal(err)
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType(dpop.Type)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		s.T.Fatal(err)
	}
	jwk := jose.JSONWebKey{Key: key.Public()}
	thumb, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		s.T.Fatal(err)
	}
	return &Prover{JKT: base64.RawURLEncoding.EncodeToString(thumb), stage: s, signer: signer}
}

// Prove puts a fresh proof into a request to path, and returns the request.
func (p *Prover) Prove(r *http.Request, path string) *http.Request {
	p.stage.T.Helper()
	payload, err := json.Marshal(map[string]any{
		"jti": rand.Text(), "htm": r.Method, "htu": Issuer + path, "iat": p.stage.Time.Unix(),
	})
	if err != nil {
		p.stage.T.Fatal(err)
	}
	signed, err := p.signer.Sign(payload)
	if err != nil {
		p.stage.T.Fatal(err)
	}
	proof, err := signed.CompactSerialize()
	if err != nil {
		p.stage.T.Fatal(err)
	}
	r.Header.Set(dpop.Header, proof)
	return r
}
