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

// skew is the tolerated clock difference to another issuer.
const skew = 30 * time.Second

// ErrInvalid is wrapped by every error for a token that is not valid. Other errors mean
// that the token could not be verified.
var ErrInvalid = errors.New("token is not valid")

// Keys finds the key that a token names. It returns keys.ErrUnknown for a kid that is not
// published.
type Keys func(ctx context.Context, kid string) (keys.Verifying, error)

// Expect holds the expected values of a token.
type Expect struct {
	Issuer string
	// Type is the typ of the header, compared without regard to case.
	Type string
	// Keys finds the key by kid. The key has its algorithm.
	Keys Keys
	Now  time.Time
}

// Verify returns the claims of a token that is signed by one of the keys and has the
// expected values. Otherwise the error wraps [ErrInvalid]. The caller still has to check
// the audience.
//
// The algorithm is that of the key, never that of the header. The kid is only a name to
// look up. See [Parse] for other reasons of refusal.
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

// verify reads the claims of a token of the expected type that is signed by one of the
// keys.
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
