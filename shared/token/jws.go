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
// name that RFC 9864 retires; libraries send either.
const (
	EdDSA   = "EdDSA"
	Ed25519 = "Ed25519"
	PS256   = "PS256"
)

// Algorithms are those that a JWT of a client may be signed with. Which one of
// them is decided by the client's registration or its key, never by the JWT.
var Algorithms = []string{oauth.ES256, EdDSA, Ed25519, oauth.RS256, PS256}

const (
	// maxJWT bounds header and payload together, decoded. Ours are a tenth of
	// it.
	maxJWT = 4096
	// maxSignature is that of an RSA key of 8192 bits.
	maxSignature = 1024
)

// JWS is a signed token taken apart (RFC 7515 §7.1). Nothing in it is to be
// believed before Verify has returned nil; until then it is good for finding
// out who should have signed it.
type JWS struct {
	// Algorithm, Type and KeyID are alg, typ and kid of the header, empty when
	// they are absent.
	Algorithm, Type, KeyID string
	// Key is jwk of the header: nil unless Parse was told to expect it.
	Key map[string]any

	payload, signature []byte
	input, text        string
}

// Parse takes a compact JWS apart, or returns an error wrapping ErrInvalid.
//
// It is the one way in for every JWT of a stranger, and narrower than the
// standards (RFC 8725 §3): exactly three parts of base64url that could not be
// written in another way, a header that consists of alg, typ and kid, no member
// twice in any object, and a limited length. Whoever expects another header
// parameter names it in extra; "jwk" is the only one that Parse understands.
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

// readHeader refuses whatever asks for a special treatment, such as crit, b64,
// jku and x5u, whether or not we would know what to do.
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

// Verify returns nil if the key made the signature, with the algorithm that is
// the key's and not the header's choice. Otherwise the error wraps ErrInvalid.
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

// Claims reads the payload, which must be one object of the right types without
// a member twice. Otherwise the error wraps ErrInvalid.
func (j *JWS) Claims(into any) error {
	if !bytes.HasPrefix(bytes.TrimLeft(j.payload, " \t\r\n"), []byte("{")) {
		return invalid("claims are not an object")
	}
	if err := strictjson.Unmarshal(j.payload, into); err != nil {
		return invalid("claims are not an object of the right types")
	}
	return nil
}

// Seconds is a time in the JWT of a stranger, who may count in fractions (RFC
// 7519 §2, NumericDate).
type Seconds float64

// Time is that time, or the end of time in its direction.
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

// Fits reports whether a public key can be used with an algorithm that we
// verify: ES256, EdDSA (also called Ed25519), RS256 and PS256. A symmetric key
// never can.
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

// decode reads base64url without padding, line breaks or spare bits, so that a
// token has one spelling.
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
