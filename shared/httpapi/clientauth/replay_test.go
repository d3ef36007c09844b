package clientauth_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// An assertion is good once.
func TestReplayOfAnAssertion(t *testing.T) {
	b := newBench(t)
	assertion := b.sign(nil)
	if _, err := b.guard.Authenticate(asserted(assertion)); err != nil {
		t.Fatal(err)
	}
	for _, wait := range []time.Duration{0, 30 * time.Second, 59 * time.Second} {
		b.Pass(wait)
		if _, err := b.Auth().Authenticate(asserted(assertion)); refused(t, err) != oauth.InvalidClient {
			t.Errorf("the same assertion again = %v, want invalid_client", err)
		}
	}
	id := map[string]any{"jti": "the same", "exp": b.Time.Unix() + 60}
	if _, err := b.guard.Authenticate(asserted(b.sign(id))); err != nil {
		t.Errorf("a jti = %v, want nil", err)
	}
	if _, err := b.guard.Authenticate(asserted(b.sign(id))); refused(t, err) != oauth.InvalidClient {
		t.Errorf("the jti in another assertion = %v, want invalid_client", err)
	}
	b.register("other", oauth.ES256, keySet(t, "one", b.key.Public()))
	id["iss"], id["sub"] = "other", "other"
	if _, err := b.guard.Authenticate(asserted(b.sign(id))); err != nil {
		t.Errorf("the jti of another client = %v, want nil", err)
	}
}

// Of many requests with the same assertion at the same time one is accepted.
func TestReplayOfAnAssertionAtTheSameTime(t *testing.T) {
	b := newBench(t)
	assertion := b.sign(nil)
	var good atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			c, err := b.guard.Authenticate(asserted(assertion))
			switch refusal, ok := errors.AsType[*oauth.Error](err); {
			case err == nil && c.ID == signer:
				good.Add(1)
			case !ok || refusal.Code != oauth.InvalidClient:
				t.Errorf("Authenticate = %v, want invalid_client", err)
			}
		})
	}
	all.Wait()
	if good.Load() != 1 {
		t.Errorf("%d of 16 were let in, want 1", good.Load())
	}
}

// A refused assertion is not used up: a guessed jti takes nothing from the client that
// uses it.
func TestRefusedAssertionsUseUpNothing(t *testing.T) {
	b := newBench(t)
	id := map[string]any{"jti": "guessed"}
	forger := *b
	forger.key = tokentest.NewKey(t)
	if _, err := b.guard.Authenticate(asserted(forger.sign(id))); refused(t, err) != oauth.InvalidClient {
		t.Fatalf("the forged one = %v, want invalid_client", err)
	}
	if _, err := b.guard.Authenticate(asserted(b.sign(id))); err != nil {
		t.Errorf("the owner's = %v, want nil", err)
	}
}

// Wrong assertions of a client that exists leave a record, those of an unknown client
// leave none, and a text that is no assertion is not looked at.
func TestWrongAssertionsAreRecorded(t *testing.T) {
	b := newBench(t)
	for _, text := range []string{"junk", b.sign(map[string]any{"iss": "nobody", "sub": "nobody"}), b.sign(map[string]any{"exp": 0})} {
		if _, err := b.guard.Authenticate(asserted(text)); err == nil {
			t.Fatalf("%s was let in", text)
		}
	}
	if n := b.Entries(""); n != 0 {
		t.Errorf("the trail has %d entries, want none", n)
	}
	good := b.sign(nil)
	for _, text := range []string{b.mold().Sign(t, func(h, _ map[string]any) { h["kid"] = "two" }), good, good} {
		_, _ = b.guard.Authenticate(asserted(text))
	}
	if n := b.Entries(clientauth.ActionRefuse); n != 2 {
		t.Errorf("the trail has %d refusals, want one for the wrong key and one for the repetition", n)
	}
}

// When the store is down, no client is refused as wrong, and none is accepted.
func TestAssertionDuringAnOutage(t *testing.T) {
	b := newBench(t)
	b.guard.Replay.Sessions = "no-such-table"
	if c, err := b.guard.Authenticate(asserted(b.sign(nil))); err == nil || c != nil || refused(t, err) != "" {
		t.Errorf("Authenticate = %v, %v, want an error that refuses nobody", c, err)
	}
}
