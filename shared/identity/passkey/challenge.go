package passkey

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Life is how long a challenge is good for.
const Life = 5 * time.Minute

// Challenges makes and checks challenges. They need no store: a challenge is its
// time and a random part, signed and bound to what it is for. To show a page with
// one costs nothing. The transaction that uses a challenge sees to it that it is
// used once.
type Challenges struct {
	// Key returns the MAC key of an id, the active one for "", or
	// keys.ErrUnknown.
	Key func(ctx context.Context, id string) (*keys.MACKey, error)
	Now func(context.Context) time.Time
}

// The body of a challenge: the time in milliseconds, and the random part.
const (
	timeLength   = 8
	randomLength = 16
	bodyLength   = timeLength + randomLength
)

func (c *Challenges) mac() *opaque.MAC {
	return &opaque.MAC{Kind: opaque.PasskeyChallenge, Keys: c.Key}
}

// New returns a challenge that is bound to a purpose and a browser, or to whatever
// else binding says. It is good for nothing else.
func (c *Challenges) New(ctx context.Context, binding string) ([]byte, error) {
	var body [bodyLength]byte
	binary.BigEndian.PutUint64(body[:], uint64(c.Now(ctx).UnixMilli())) //nolint:gosec // G115: our clock is past 1970
	rand.Read(body[timeLength:])                                        // never fails (crypto/rand)
	challenge, err := c.mac().Sign(ctx, body[:], binding)
	if err != nil {
		return nil, fmt.Errorf("make a challenge: %w", err)
	}
	return challenge, nil
}

// Check returns when a challenge expires that New returned for the same binding.
// [ErrExpired] is returned when it has expired, an [ErrRefused] when it is not ours
// or not for this binding. Any other error says why the keys cannot be had.
func (c *Challenges) Check(ctx context.Context, challenge []byte, binding string) (expires time.Time, err error) {
	said, err := c.mac().Verify(ctx, challenge, binding)
	if errors.Is(err, opaque.ErrForged) {
		said, err = c.verifyLegacy(ctx, challenge, binding)
	}
	if errors.Is(err, opaque.ErrForged) || err == nil && len(said.Body) != bodyLength {
		return time.Time{}, &RefusedError{Reason: "the challenge is not ours, or not for this browser and purpose"}
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("check a challenge: %w", err)
	}
	made := int64(binary.BigEndian.Uint64(said.Body)) //nolint:gosec // G115: it is what New wrote
	expires = time.UnixMilli(made).Add(Life).UTC()
	if !c.Now(ctx).Before(expires) {
		return time.Time{}, ErrExpired
	}
	return expires, nil
}
