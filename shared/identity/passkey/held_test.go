package passkey_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/keys"
)

// What a process of release 0.1.0 (commit d46abca) made at noon, bound to
// heldBinding, and its MAC key.
const (
	heldKeyID     = "ZO5ZUNFN"
	heldKey       = "0e2616da14115614ae8875c4908f913435988ede9fd96c607a46c3d3d70780e7"
	heldBinding   = "sign in\x00a browser"
	heldChallenge = "AVpPNVpVTkZOAAABogMgovpXBqyrQuAyjsEDgiGzftUHu8ZbKUVb2e3GpEhP0sfMG9V_wmx2kD044GRbFdFoJvo"
)

func newHeldRing(t *testing.T) (c *passkey.Challenges, key, challenge []byte) {
	t.Helper()
	key, err := hex.DecodeString(heldKey)
	if err != nil {
		t.Fatal(err)
	}
	if challenge, err = base64.RawURLEncoding.DecodeString(heldChallenge); err != nil {
		t.Fatal(err)
	}
	c = ring(heldKeyID)
	c.Key = func(_ context.Context, id string) (*keys.MACKey, error) {
		if id != "" && id != heldKeyID {
			return nil, keys.ErrUnknown
		}
		return &keys.MACKey{ID: heldKeyID, Key: key}, nil
	}
	return c, key, challenge
}

// A page that was open while the stage was updated can sign in.
func TestHeldChallenge(t *testing.T) {
	c, _, challenge := newHeldRing(t)
	expires, err := c.Check(t.Context(), challenge, heldBinding)
	if err != nil || !expires.Equal(noon.Add(passkey.Life)) {
		t.Errorf("Check = %v, %v, want %v", expires, err, noon.Add(passkey.Life))
	}
}

func TestHeldChallengeChanged(t *testing.T) {
	c, key, challenge := newHeldRing(t)
	refuse := func(what string, challenge []byte, binding string) {
		t.Helper()
		if _, err := c.Check(t.Context(), challenge, binding); !errors.Is(err, passkey.ErrRefused) {
			t.Errorf("%s: Check(%x) = %v, want ErrRefused", what, challenge, err)
		}
	}
	for i := range challenge {
		refuse("changed", flipped(challenge, i), heldBinding)
		refuse("cut", challenge[:i], heldBinding)
		refuse("without its beginning", challenge[i+1:], heldBinding)
	}
	for _, binding := range []string{"", heldBinding[1:], heldBinding + "x", "add\x00a browser", "sign in\x00"} {
		refuse("another binding", challenge, binding)
	}
	// The MAC covers the body and the binding as one text. A value in which the
	// first byte of the binding stands at the end of the body is none.
	moved := append(append([]byte{}, challenge[:33]...), heldBinding[0])
	refuse("a byte moved", append(moved, challenge[33:]...), heldBinding[1:])
	key[0] ^= 1
	refuse("another stage", challenge, heldBinding)
	down := errors.New("the vault is closed")
	c.Key = func(context.Context, string) (*keys.MACKey, error) { return nil, down }
	if _, err := c.Check(t.Context(), challenge, heldBinding); !errors.Is(err, down) || errors.Is(err, passkey.ErrRefused) {
		t.Errorf("Check without keys = %v, want the outage", err)
	}
}

// The challenges that are made have the MAC of the present layout.
func TestNothingWritesHeldChallenges(t *testing.T) {
	c, key, held := newHeldRing(t)
	before := func(challenge []byte) bool {
		end := len(challenge) - sha256.Size
		h := hmac.New(sha256.New, key)
		h.Write([]byte("tipstaff passkey challenge\x00" + string(challenge[:end]) + heldBinding))
		return hmac.Equal(h.Sum(nil), challenge[end:])
	}
	if !before(held) {
		t.Fatal("the held challenge has another MAC than this test thinks")
	}
	challenge, err := c.New(t.Context(), heldBinding)
	if err != nil || before(challenge) {
		t.Errorf("New = %x, %v, with the MAC of 0.1.0", challenge, err)
	}
}
