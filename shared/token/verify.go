package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	strictjson "github.com/go-jose/go-jose/v4/json"

	"github.com/tipstaff/tipstaff/shared/keys"
)

// maxJWT bounds header and payload together, decoded. Ours are a tenth of it.
const maxJWT = 4096

// skew is how far the clock of another issuer may be off.
const skew = 30 * time.Second

// ErrInvalid is under every error that says a token is not valid, as opposed to
// one that says it could not be judged.
var ErrInvalid = errors.New("token is not valid")

// Keys finds the key that a token names. It returns keys.ErrUnknown for a kid
// that nobody published.
type Keys func(ctx context.Context, kid string) (keys.Verifying, error)

// Expect is what must be true of a token.
type Expect struct {
	Issuer string
	// Type is the exact typ of the header, without regard to case.
	Type string
	// Keys finds the key by kid; the key knows its algorithm.
	Keys Keys
	Now  time.Time
}

// Verify returns the claims of a token that is signed by one of the keys and
// meets what is expected, or an error wrapping ErrInvalid. The caller still has
// to judge the audience.
//
// The algorithm is the key's, never the header's choice; kid is a name to look
// up and nothing else; a header that asks for anything special (crit, b64, jwk,
// jku, x5u, x5c) is refused, and so is JSON with a member twice and base64 that
// could be written in two ways (RFC 8725 §3).
func Verify(ctx context.Context, token string, want Expect) (*Claims, error) {
	head, payload, err := split(token)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(head.Type, want.Type) {
		return nil, invalid("typ is not " + want.Type)
	}
	key, err := want.Keys(ctx, head.KeyID)
	if errors.Is(err, keys.ErrUnknown) {
		return nil, invalid("kid is unknown")
	}
	if err != nil {
		return nil, err
	}
	if head.Algorithm != key.Algorithm {
		return nil, invalid("alg is not the key's")
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.Algorithm)})
	if err != nil {
		return nil, invalid("not a JWS")
	}
	if _, err := jws.Verify(key.Key); err != nil {
		return nil, invalid("signature does not verify")
	}
	var c Claims
	if err := strictjson.Unmarshal(payload, &c); err != nil {
		return nil, invalid("claims are not an object of the right types")
	}
	if err := c.check(want); err != nil {
		return nil, err
	}
	return &c, nil
}

func (c *Claims) check(want Expect) error {
	now := want.Now.Unix()
	switch slack := int64(skew / time.Second); {
	case c.Issuer != want.Issuer:
		return invalid("iss is another issuer")
	case c.Expires <= now:
		return invalid("expired")
	case c.NotBefore > now+slack:
		return invalid("not valid yet")
	case c.IssuedAt == 0 || c.IssuedAt > now+slack:
		return invalid("iat is missing or in the future")
	case c.Subject == "" || c.ClientID == "" || c.ID == "" || len(c.Audience) == 0 || slices.Contains(c.Audience, ""):
		return invalid("a required claim is missing")
	}
	return nil
}

// header is what a header says.
type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`
}

var errExtra = errors.New("the header asks for more than alg, typ and kid")

// split takes a compact JWS apart without believing any of it.
func split(token string) (head header, payload []byte, err error) {
	first, rest, _ := strings.Cut(token, ".")
	second, third, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(third, ".") {
		return head, nil, invalid("not three parts")
	}
	if len(first)+len(second) > base64.RawURLEncoding.EncodedLen(maxJWT) {
		return head, nil, invalid("too long")
	}
	text, err := decode(first)
	if err != nil {
		return head, nil, err
	}
	if payload, err = decode(second); err != nil {
		return head, nil, err
	}
	if _, err = decode(third); err != nil {
		return head, nil, err
	}
	var members map[string]any
	if err := strictjson.Unmarshal(text, &members); err != nil {
		return head, nil, invalid("header is not an object")
	}
	for name, value := range members {
		s, isText := value.(string)
		switch name {
		case "alg":
			head.Algorithm = s
		case "typ":
			head.Type = s
		case "kid":
			head.KeyID = s
		default:
			return head, nil, fmt.Errorf("%w: %w", ErrInvalid, errExtra)
		}
		if !isText {
			return head, nil, invalid("header member is not a string")
		}
	}
	return head, payload, nil
}

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

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }
