package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
)

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
// The algorithm is the key's, never the header's choice, and kid is a name to
// look up and nothing else; Parse says what else is refused.
func Verify(ctx context.Context, token string, want Expect) (*Claims, error) {
	var c Claims
	if err := verify(ctx, token, want, &c); err != nil {
		return nil, err
	}
	if err := c.check(want); err != nil {
		return nil, err
	}
	return &c, nil
}

// verify reads the claims of a token of the expected type that is signed by one
// of the keys.
func verify(ctx context.Context, token string, want Expect, claims any) error {
	jws, err := Parse(token)
	if err != nil {
		return err
	}
	if !strings.EqualFold(jws.Type, want.Type) {
		return invalid("typ is not " + want.Type)
	}
	key, err := want.Keys(ctx, jws.KeyID)
	if errors.Is(err, keys.ErrUnknown) {
		return invalid("kid is unknown")
	}
	if err != nil {
		return err
	}
	if err := jws.Verify(key); err != nil {
		return err
	}
	return jws.Claims(claims)
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

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }
