package passkey

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
)

// Life is how long a challenge is good for.
const Life = 5 * time.Minute

// Challenges makes and checks challenges. They need no store: a challenge carries
// its time and a MAC over that, a random part and what it is bound to. To show a
// page with one costs nothing. That it is used once is seen to when it is used.
type Challenges struct {
	// Key returns the MAC key of an id, the active one for "", or
	// keys.ErrUnknown.
	Key func(ctx context.Context, id string) (*keys.MACKey, error)
	Now func(context.Context) time.Time
}

// The layout of a challenge: the version, the id of the key, the time in
// milliseconds, a random part, the MAC.
const (
	version      = 1
	randomLength = 16
	timeAt       = 1 + keys.MACIDLength
	randomAt     = timeAt + 8
	macAt        = randomAt + randomLength
	length       = macAt + sha256.Size
)

// New returns a challenge that is bound to a purpose and a browser, or whatever
// else binding says. It is good for nothing else.
func (c *Challenges) New(ctx context.Context, binding string) ([]byte, error) {
	k, err := c.Key(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("make a challenge: %w", err)
	}
	challenge := make([]byte, macAt, length)
	challenge[0] = version
	copy(challenge[1:timeAt], k.ID)
	binary.BigEndian.PutUint64(challenge[timeAt:], uint64(c.Now(ctx).UnixMilli())) //nolint:gosec // G115: our clock is past 1970
	rand.Read(challenge[randomAt:])                                                // never fails (crypto/rand)
	return append(challenge, mac(k, challenge, binding)...), nil
}

// Check returns when a challenge expires that New returned for the same binding.
// The error is ErrExpired when it has, an ErrRefused when it is not ours or not for
// this, or why the keys cannot be had.
func (c *Challenges) Check(ctx context.Context, challenge []byte, binding string) (expires time.Time, err error) {
	if len(challenge) != length || challenge[0] != version {
		return time.Time{}, &RefusedError{Reason: "the challenge is not ours"}
	}
	k, err := c.Key(ctx, string(challenge[1:timeAt]))
	if errors.Is(err, keys.ErrUnknown) {
		return time.Time{}, &RefusedError{Reason: "the challenge is not ours"}
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("check a challenge: %w", err)
	}
	if !hmac.Equal(challenge[macAt:], mac(k, challenge[:macAt], binding)) {
		return time.Time{}, &RefusedError{Reason: "the challenge is not for this browser and purpose"}
	}
	made := int64(binary.BigEndian.Uint64(challenge[timeAt:])) //nolint:gosec // G115: it is what New wrote
	expires = time.UnixMilli(made).Add(Life).UTC()
	if !c.Now(ctx).Before(expires) {
		return time.Time{}, ErrExpired
	}
	return expires, nil
}

// mac begins with a kind of its own: nothing else that the key vouches for is ever
// a challenge. The parts before the binding have a fixed length.
func mac(k *keys.MACKey, head []byte, binding string) []byte {
	h := hmac.New(sha256.New, k.Key)
	h.Write([]byte("tipstaff passkey challenge\x00"))
	h.Write(head)
	h.Write([]byte(binding))
	return h.Sum(nil)
}
