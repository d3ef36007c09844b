package dpop_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// What a process of release 0.1.0 (commit d46abca) made at noon, and its MAC key.
const (
	heldKeyID = "ZO5ZUNFN"
	heldKey   = "0e2616da14115614ae8875c4908f913435988ede9fd96c607a46c3d3d70780e7"
	heldNonce = "ZO5ZUNFN.HflmmhfqohH6TLQ7V-HzKsad3LFcwk4AKlBTj51ORx4"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newHeldBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.macs = []*keys.MACKey{{ID: heldKeyID, Key: must(hex.DecodeString(heldKey))}}
	if !b.Clock.Now().Equal(sessiontest.Noon) {
		t.Fatalf("the clock starts at %v, and the nonce is of %v", b.Clock.Now(), sessiontest.Noon)
	}
	return b
}

func (b *bench) with(nonce string) error {
	b.t.Helper()
	_, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce, "jti": nonce + b.Clock.Now().String()})), wary)
	return err
}

// A nonce that 0.1.0 gave away is good for as long as it was.
func TestHeldNonce(t *testing.T) {
	b := newHeldBench(t)
	for minute := range 6 {
		err := b.with(heldNonce)
		if want := minute < 4; (err == nil) != want {
			t.Errorf("after %d minutes: %v, want it good: %v", minute, err, want)
		}
		b.Clock.Turn(time.Minute)
	}
}

func TestHeldNonceChanged(t *testing.T) {
	b := newHeldBench(t)
	for i := range heldNonce {
		other := byte('A')
		if heldNonce[i] == other {
			other = 'B'
		}
		for _, nonce := range []string{heldNonce[:i], heldNonce[i+1:], heldNonce[:i] + string(other) + heldNonce[i+1:], heldNonce[:i] + "." + heldNonce[i:]} {
			b.given(b.with(nonce))
		}
	}
	b.macs[0].Key = []byte("a key of another stage")
	b.given(b.with(heldNonce))
	down := errors.New("the secret cannot be read")
	b.Nonces = func(context.Context, string) (*keys.MACKey, error) { return nil, down }
	if err := b.with(heldNonce); !errors.Is(err, down) || code(err) != "" {
		t.Errorf("without keys: %v, want the outage", err)
	}
}

// The nonces that are given away are those of the present layout.
func TestNothingWritesHeldNonces(t *testing.T) {
	b := newHeldBench(t)
	for _, err := range []error{b.with(""), b.with("x"), b.with(heldKeyID + ".x")} {
		if given := b.given(err); given == heldNonce || strings.Contains(given, ".") {
			t.Errorf("the nonce given is %q, as in 0.1.0", given)
		}
	}
}

// FuzzNonce presents any text: only the two nonces of this window are good.
func FuzzNonce(f *testing.F) {
	key := &keys.MACKey{ID: heldKeyID, Key: must(hex.DecodeString(heldKey))}
	v := &dpop.Verifier{Now: func(context.Context) time.Time { return sessiontest.Noon }}
	v.Nonces = func(_ context.Context, id string) (*keys.MACKey, error) {
		if id == "" || id == key.ID {
			return key, nil
		}
		return nil, keys.ErrUnknown
	}
	f.Add("")
	f.Add(heldNonce + "A")
	f.Add(heldKeyID + ".")
	f.Add("AVpPNVpVTkZO")
	f.Fuzz(func(t *testing.T, nonce string) {
		err := dpop.CheckNonce(t.Context(), v, nonce)
		refused, ok := errors.AsType[*dpop.NonceError](err)
		if err == nil && nonce != heldNonce && nonce != good(t, v) || err != nil && (!ok || refused.Nonce != good(t, v)) {
			t.Errorf("nonce %q = %v", nonce, err)
		}
	})
}

// good is the nonce that v gives away.
func good(t *testing.T, v *dpop.Verifier) string {
	t.Helper()
	refused, ok := errors.AsType[*dpop.NonceError](dpop.CheckNonce(t.Context(), v, ""))
	if !ok {
		t.Fatal("no nonce was given")
	}
	return refused.Nonce
}
