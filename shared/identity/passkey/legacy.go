package passkey

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// verifyLegacy verifies the challenges that 0.1.0 made. They have the layout of
// those that New returns, and a MAC in which the binding stands right behind the
// body: only the length of the body, which Check looks at, keeps the two apart. A
// challenge is good for Life. Nothing writes these any more, and release 0.3 stops
// reading them.
func (c *Challenges) verifyLegacy(ctx context.Context, challenge []byte, binding string) (opaque.Signed, error) {
	said, err := opaque.Unverified(challenge)
	if err != nil {
		return opaque.Signed{}, err
	}
	key, err := c.Key(ctx, said.KeyID)
	if errors.Is(err, keys.ErrUnknown) {
		return opaque.Signed{}, opaque.ErrForged
	}
	if err != nil {
		return opaque.Signed{}, err
	}
	end := len(challenge) - sha256.Size
	h := hmac.New(sha256.New, key.Key)
	h.Write([]byte("tipstaff passkey challenge\x00"))
	h.Write(challenge[:end])
	h.Write([]byte(binding))
	if !hmac.Equal(challenge[end:], h.Sum(nil)) {
		return opaque.Signed{}, opaque.ErrForged
	}
	return said, nil
}
