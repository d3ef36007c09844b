package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	strictjson "github.com/go-jose/go-jose/v4/json"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// The algorithms that we verify and never sign with. EdDSA is Ed25519 under the
// name that RFC 9864 deprecates. Libraries send either.
const (
	EdDSA   = "EdDSA"
	Ed25519 = "Ed25519"
	PS256   = "PS256"
)

// Algorithms are the allowed algorithms of a client's JWT. The registration of the client
// or its key decides which of them applies, never the JWT.
var Algorithms = []string{oauth.ES256, EdDSA, Ed25519, oauth.RS256, PS256}

const (
	// maxJWT bounds header and payload together, decoded. Our own tokens have a
	// tenth of it.
	maxJWT = 4096
	// maxSignature is the size of a signature by an RSA key of 8192 bits.
	maxSignature = 1024
)

// JWS is a parsed signed token (RFC 7515 §7.1). Its content must not be trusted before
// [JWS.Verify] has returned nil. Before that it serves only to find the key that should
// have signed it.
type JWS struct {
	// Algorithm, Type and KeyID are alg, typ and kid of the header, empty when
	// they are absent.
	Algorithm, Type, KeyID string
	// Key is jwk of the header. It is nil unless Parse was called with "jwk".
	Key map[string]any

	payload, signature []byte
	input, text        string
}

// Parse parses a compact JWS, or returns an error that wraps [ErrInvalid].
//
// Every JWT from outside passes through it. It is stricter than the standards (RFC 8725
// §3): exactly three parts of canonical base64url, a header that consists of alg, typ and
// kid, no duplicate member in any object, and a limited length. A caller that expects
// another header parameter names it in extra. Parse reads only "jwk" of these.
func Parse(text string, extra ...string) (*JWS, error) {
	first, rest, _ := strings.Cut(text, ".")
	second, third, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(third, ".") {
		return nil, invalid("not three parts")
	}
	if len(first)+len(second) > base64.RawURLEncoding.EncodedLen(maxJWT) ||
		len(third) > base64.RawURLEncoding.EncodedLen(maxSignature) {
		return nil, invalid("too long")
	}
	j := &JWS{input: text[:len(first)+1+len(second)], text: text}
	head, err := decode(first)
	if err != nil {
		return nil, err
	}
	if j.payload, err = decode(second); err != nil {
		return nil, err
	}
	if j.signature, err = decode(third); err != nil {
		return nil, err
	}
	if err := j.readHeader(head, extra); err != nil {
		return nil, err
	}
	return j, nil
}

// readHeader refuses every parameter that asks for special treatment, such as crit, b64,
// jku and x5u, also if we knew how to process it.
func (j *JWS) readHeader(head []byte, extra []string) error {
	var members map[string]any
	if err := strictjson.Unmarshal(head, &members); err != nil || members == nil {
		return invalid("header is not an object")
	}
	for name, value := range members {
		var isRight bool
		switch name {
		case "alg":
			j.Algorithm, isRight = value.(string)
		case "typ":
			j.Type, isRight = value.(string)
		case "kid":
			j.KeyID, isRight = value.(string)
		case "jwk":
			if len(extra) != 1 || extra[0] != "jwk" {
				return errExtra
			}
			j.Key, isRight = value.(map[string]any)
		default:
			return errExtra
		}
		if !isRight {
			return invalid("header member has the wrong type")
		}
	}
	return nil
}

var errExtra = invalid("the header asks for more than is expected here")

// Verify returns nil if the key made the signature, with the algorithm of the key and
// never that of the header. Otherwise the error wraps [ErrInvalid].
func (j *JWS) Verify(key keys.Verifying) error {
	if !Fits(key.Algorithm, key.Key) {
		return invalid("the key is not one for its algorithm")
	}
	if public, ok := key.Key.(ed25519.PublicKey); ok {
		if (j.Algorithm != EdDSA && j.Algorithm != Ed25519) || !ed25519.Verify(public, []byte(j.input), j.signature) {
			return invalid("signature does not verify")
		}
		return nil
	}
	if j.Algorithm != key.Algorithm {
		return invalid("alg is not the key's")
	}
	jws, err := jose.ParseSignedCompact(j.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.Algorithm)})
	if err != nil {
		return invalid("not a JWS")
	}
	if _, err := jws.Verify(key.Key); err != nil {
		return invalid("signature does not verify")
	}
	return nil
}

// Claims reads the payload, which must be one object of the right types without a
// duplicate member. Otherwise the error wraps [ErrInvalid].
func (j *JWS) Claims(into any) error {
	if !bytes.HasPrefix(bytes.TrimLeft(j.payload, " \t\r\n"), []byte("{")) {
		return invalid("claims are not an object")
	}
	if err := strictjson.Unmarshal(j.payload, into); err != nil {
		return invalid("claims are not an object of the right types")
	}
	return nil
}

// Seconds is a time in a JWT from outside, which may have a fraction (RFC 7519 §2,
// NumericDate).
type Seconds float64

// Time returns the time. A value out of range becomes the nearest bound.
func (s Seconds) Time() time.Time {
	const end = 1 << 37 // some 4,000 years from 1970, safe for every time.Duration it meets
	switch {
	case s > end:
		return time.Unix(end, 0)
	case s < -end:
		return time.Unix(-end, 0)
	}
	whole := math.Floor(float64(s))
	return time.Unix(int64(whole), int64((float64(s)-whole)*float64(time.Second)))
}

// Fits reports whether a public key can be used with an algorithm that we verify: ES256,
// EdDSA (also called Ed25519), RS256 and PS256. A symmetric key never can.
func Fits(alg string, public any) bool {
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		return alg == oauth.ES256 && p.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return (alg == EdDSA || alg == Ed25519) && len(p) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		return (alg == oauth.RS256 || alg == PS256) && p.N.BitLen() >= minRSA && p.N.BitLen() <= 8*maxSignature
	default:
		return false
	}
}

const minRSA = 2048

// decode reads base64url without padding, line breaks or spare bits, so that each token
// has one spelling.
func decode(part string) ([]byte, error) {
	if part == "" || strings.ContainsAny(part, "\r\n") {
		return nil, invalid("not base64url")
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, invalid("not base64url")
	}
	return data, nil
}
