package dpop

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Type is the typ of a proof.
const Type = "dpop+jwt"

// Algorithms are the accepted signature algorithms of a proof. RSA is not among them:
// its keys and signatures would make every request a kilobyte longer.
var Algorithms = []string{oauth.ES256, token.EdDSA, token.Ed25519}

// Proof holds the claims of a proof with a good signature. That shows only that its
// sender has the private key.
type Proof struct {
	// JKT is the SHA-256 thumbprint of the key (RFC 7638), base64url.
	JKT string
	// ID is the jti, Method the htm, URL the htu and Issued the iat.
	ID, Method, URL string
	Issued          time.Time
	// TokenHash is the ath, Nonce the nonce and Expires the exp, each zero if absent.
	TokenHash, Nonce string
	Expires          time.Time
}

// maxID bounds the jti of a proof.
const maxID = 256

// Read returns the content of a proof, or an error that wraps [token.ErrInvalid].
func Read(text string) (*Proof, error) {
	jws, err := token.Parse(text, "jwk")
	if err != nil {
		return nil, err
	}
	if jws.Type != Type || jws.KeyID != "" {
		return nil, invalid("the header is not typ " + Type + ", alg and jwk")
	}
	if !slices.Contains(Algorithms, jws.Algorithm) {
		return nil, invalid("alg is not one for proofs")
	}
	public, jkt, err := publicKey(jws.Key, jws.Algorithm)
	if err != nil {
		return nil, err
	}
	if err := jws.Verify(keys.Verifying{Algorithm: jws.Algorithm, Key: public}); err != nil {
		return nil, err
	}
	var c struct {
		ID        string         `json:"jti"`
		Method    string         `json:"htm"`
		URL       string         `json:"htu"`
		Issued    *token.Seconds `json:"iat"`
		Expires   *token.Seconds `json:"exp"`
		TokenHash string         `json:"ath"`
		Nonce     string         `json:"nonce"`
	}
	if err := jws.Claims(&c); err != nil {
		return nil, err
	}
	if c.ID == "" || len(c.ID) > maxID || c.Method == "" || c.URL == "" || c.Issued == nil {
		return nil, invalid("jti, htm, htu or iat is missing, or jti is too long")
	}
	p := &Proof{
		JKT: jkt, ID: c.ID, Method: c.Method, URL: c.URL, Issued: c.Issued.Time(), TokenHash: c.TokenHash, Nonce: c.Nonce,
	}
	if c.Expires != nil {
		p.Expires = c.Expires.Time()
	}
	return p, nil
}

// publicKey reads the key of a proof, and its thumbprint. The key must be nothing but
// a public key: a private key in a proof is no secret any more, and a certificate
// names its owner, which a proof is not about.
func publicKey(jwk map[string]any, alg string) (public crypto.PublicKey, jkt string, err error) {
	bare := map[string]any{}
	for name, value := range jwk {
		switch name {
		case "kty", "crv", "x", "y":
			bare[name] = value
		case "kid", "use", "alg", "key_ops", "ext": // what libraries export, and nothing depends on
		default:
			return nil, "", invalid("jwk has a member that no public key for proofs has")
		}
	}
	text, err := json.Marshal(bare)
	if err != nil {
		return nil, "", fmt.Errorf("marshal a key: %w", err)
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(text); err != nil || !token.Fits(alg, key.Key) {
		return nil, "", invalid("jwk is not a public key for the algorithm")
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", invalid("jwk has no thumbprint")
	}
	return key.Key, base64.RawURLEncoding.EncodeToString(sum), nil
}

// ValidThumbprint reports whether s can be the thumbprint of a key, as in the
// parameter dpop_jkt (RFC 9449 §10).
func ValidThumbprint(s string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(sum) == crypto.SHA256.Size() && len(s) == base64.RawURLEncoding.EncodedLen(len(sum))
}

func invalid(why string) error { return fmt.Errorf("%w: %s", token.ErrInvalid, why) }
