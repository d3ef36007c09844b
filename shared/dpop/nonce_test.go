package dpop_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

var wary = &client.Client{ID: "wary", DPoPNonce: true}

// given returns the nonce that a refusal gives the client.
func (b *bench) given(err error) string {
	b.t.Helper()
	refused, ok := errors.AsType[*dpop.NonceError](err)
	if !ok || code(err) != oauth.UseDPoPNonce {
		b.t.Fatalf("the refusal is %v, want use_dpop_nonce with a nonce", err)
	}
	h := http.Header{}
	refused.SetHeaders(h)
	if nonce := h.Get("DPoP-Nonce"); nonce != "" && nonce == refused.Nonce {
		return nonce
	}
	b.t.Fatalf("the answer has the headers %v, want DPoP-Nonce", h)
	return ""
}

// A client that is asked for a nonce gets one, and is accepted with it.
func TestNonce(t *testing.T) {
	b := newBench(t)
	_, err := b.Optional(post(b.proof(nil)), wary)
	nonce := b.given(err)
	for _, c := range nonce {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			t.Errorf("nonce %q is none of RFC 9449 section 8.1", nonce)
		}
	}
	jkt, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary)
	if err != nil || jkt != b.jkt() {
		t.Errorf("with the nonce = %q, %v, want %q", jkt, err, b.jkt())
	}
	if _, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary); err != nil {
		t.Errorf("another proof with the same nonce = %v, want nil", err)
	}
}

// A refused nonce does not use up the proof's jti, nor does a good nonce help
// with a jti that was used.
func TestNonceAndReplay(t *testing.T) {
	b := newBench(t)
	id := map[string]any{"jti": "one"}
	_, err := b.Optional(post(b.proof(id)), wary)
	id["nonce"] = b.given(err)
	if _, err := b.Optional(post(b.proof(id)), wary); err != nil {
		t.Errorf("the same jti with the nonce = %v, want nil", err)
	}
	if _, err := b.Optional(post(b.proof(id)), wary); code(err) != oauth.InvalidDPoPProof {
		t.Errorf("once more = %v, want invalid_dpop_proof", err)
	}
}

func TestNoncesThatAreNotOurs(t *testing.T) {
	b := newBench(t)
	_, err := b.Optional(post(b.proof(nil)), wary)
	good := b.given(err)
	value := must(opaque.Decode(good))
	otherKey := bytes.Replace(value, []byte("AAAAAAAA"), []byte("BBBBBBBB"), 1)
	for name, nonce := range map[string]string{
		"empty": "", "cut": good[:len(good)-1], "longer": good + "A", "of another key": opaque.Encode(otherKey),
		"a key alone": "AAAAAAAA", "made up": "x", "upper case": strings.ToUpper(good), "twice": good + good,
		"with a dot": good + ".", "as before 0.2, made up": "AAAAAAAA.x", "without a key": ".x", "a line end": good + "\n",
	} {
		_, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary)
		if b.given(err) != good {
			t.Errorf("%s: the nonce given is another one within a second", name)
		}
	}
}

// Every bit of a nonce is under its MAC.
func TestChangedNonces(t *testing.T) {
	b := newBench(t)
	_, err := b.Optional(post(b.proof(nil)), wary)
	value := must(opaque.Decode(b.given(err)))
	for i := range value {
		forged := bytes.Clone(value)
		forged[i] ^= 1
		for _, v := range [][]byte{forged, value[:i]} {
			_, err := b.Optional(post(b.proof(map[string]any{"nonce": opaque.Encode(v)})), wary)
			b.given(err)
		}
	}
}

// A nonce is good for two to four minutes.
func TestNoncesEnd(t *testing.T) {
	b := newBench(t)
	_, err := b.Optional(post(b.proof(nil)), wary)
	nonce := b.given(err)
	var good []bool
	for range 6 {
		_, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary)
		good = append(good, err == nil)
		b.Clock.Turn(time.Minute)
	}
	// The clock starts at the beginning of a window.
	if want := []bool{true, true, true, true, false, false}; !slices.Equal(good, want) {
		t.Errorf("minute by minute it is good: %v, want %v", good, want)
	}
	_, err = b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary)
	if b.given(err) == nonce {
		t.Error("the nonce that has ended is given again")
	}
}

// A clock that is slow accepts the nonce of the next window, and of no later one.
func TestNoncesOfOtherClocks(t *testing.T) {
	b := newBench(t)
	_, err := b.Optional(post(b.proof(nil)), wary)
	nonce := b.given(err)
	for minutes, want := range map[int]bool{1: true, 2: true, 3: false, 60: false} {
		b.Clock.Turn(time.Duration(-minutes) * time.Minute)
		_, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce, "jti": strconv.Itoa(minutes)})), wary)
		if (err == nil) != want {
			t.Errorf("%d minutes before its window: %v, want it good: %v", minutes, err, want)
		}
		b.Clock.Turn(time.Duration(minutes) * time.Minute)
	}
}

// A nonce of the key before is good as long as the key is known.
func TestNonceAndRotation(t *testing.T) {
	b := newBench(t)
	_, err := b.Optional(post(b.proof(nil)), wary)
	nonce := b.given(err)
	b.macs = append([]*keys.MACKey{{ID: "CCCCCCCC", Key: []byte("another key of thirty-two bytes..")}}, b.macs...)
	if _, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary); err != nil {
		t.Errorf("after the rotation = %v, want nil", err)
	}
	b.macs = b.macs[:1]
	_, err = b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary)
	if b.given(err) == nonce {
		t.Error("the nonce of a key that is gone is given again")
	}
}

// Without the keys a nonce cannot be judged, and no request is accepted.
func TestNonceWithoutKeys(t *testing.T) {
	b := newBench(t)
	down := errors.New("the secret cannot be read")
	b.Nonces = func(context.Context, string) (*keys.MACKey, error) { return nil, down }
	for _, nonce := range []string{"AAAAAAAA.x", ""} {
		if _, err := b.Optional(post(b.proof(map[string]any{"nonce": nonce})), wary); !errors.Is(err, down) || code(err) != "" {
			t.Errorf("Optional = %v, want the outage", err)
		}
	}
	b.Nonces = nil
	if _, err := b.Optional(post(b.proof(nil)), wary); err == nil || code(err) != "" {
		t.Errorf("Optional where there are no keys = %v, want an error that refuses nobody", err)
	}
	if _, err := b.Optional(post(b.proof(nil)), anyClient); err != nil {
		t.Errorf("a client that is not asked = %v, want nil", err)
	}
}
