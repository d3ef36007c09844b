package passkey_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/keys"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 250e6, time.UTC)

// ring is a maker of challenges with one key.
func ring(id string) *passkey.Challenges {
	return &passkey.Challenges{
		Now: func(context.Context) time.Time { return noon },
		Key: func(_ context.Context, asked string) (*keys.MACKey, error) {
			if asked != "" && asked != id {
				return nil, keys.ErrUnknown
			}
			return &keys.MACKey{ID: id, Key: []byte("key of " + id)}, nil
		},
	}
}

func TestChallenge(t *testing.T) {
	ctx, c := t.Context(), ring("AAAAAAAA")
	challenge, err := c.New(ctx, here)
	if err != nil {
		t.Fatal(err)
	}
	if expires, err := c.Check(ctx, challenge, here); err != nil || !expires.Equal(noon.Add(passkey.Life)) {
		t.Errorf("Check = %v, %v, want %v", expires, err, noon.Add(passkey.Life))
	}
	for _, binding := range []string{"", here + "x", here[1:], "SIGN IN\x00a browser", "sign in\x00", "sign ina browser"} {
		if _, err := c.Check(ctx, challenge, binding); !errors.Is(err, passkey.ErrRefused) {
			t.Errorf("Check bound to %q = %v, want ErrRefused", binding, err)
		}
	}
	for i := range challenge {
		for _, forged := range [][]byte{flipped(challenge, i), challenge[:i], append(bytes.Clone(challenge), challenge[i])} {
			if _, err := c.Check(ctx, forged, here); !errors.Is(err, passkey.ErrRefused) {
				t.Errorf("Check of %x = %v, want ErrRefused", forged, err)
			}
		}
	}
	if _, err := ring("BBBBBBBB").Check(ctx, challenge, here); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("Check by a stage without the key = %v, want ErrRefused", err)
	}
}

func flipped(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// Without keys a challenge is neither accepted nor called forged.
func TestChallengeWithoutKeys(t *testing.T) {
	outage := errors.New("the vault is closed")
	c := ring("AAAAAAAA")
	challenge, err := c.New(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	c.Key = func(context.Context, string) (*keys.MACKey, error) { return nil, outage }
	if _, err := c.New(t.Context(), here); !errors.Is(err, outage) {
		t.Errorf("New = %v, want the outage", err)
	}
	if _, err := c.Check(t.Context(), challenge, here); !errors.Is(err, outage) || errors.Is(err, passkey.ErrRefused) {
		t.Errorf("Check = %v, want the outage", err)
	}
}

// FuzzChallenge sends arbitrary bytes to a stage that has made no challenge yet. The
// seeds are of another stage, which has another key with the same id.
func FuzzChallenge(f *testing.F) {
	c, another := ring("AAAAAAAA"), ring("AAAAAAAA")
	another.Key = func(context.Context, string) (*keys.MACKey, error) {
		return &keys.MACKey{ID: "AAAAAAAA", Key: []byte("another key")}, nil
	}
	theirs, err := another.New(f.Context(), here)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(theirs, here)
	f.Add(theirs[:len(theirs)-1], here)
	f.Add(flipped(theirs, 3), "another binding")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, challenge []byte, binding string) {
		if expires, err := c.Check(t.Context(), challenge, binding); !errors.Is(err, passkey.ErrRefused) || !expires.IsZero() {
			t.Errorf("Check(%x, %q) = %v, %v, want ErrRefused", challenge, binding, expires, err)
		}
	})
}
