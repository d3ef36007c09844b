package dpop_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// A proof is good once, from any sender and at any URL.
func TestReplay(t *testing.T) {
	b := newBench(t)
	proof := b.proof(nil)
	if _, err := b.Optional(post(proof), anyClient); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, 30 * time.Second, 29 * time.Second} {
		b.Clock.Turn(after)
		if _, err := b.Optional(post(proof), anyClient); code(err) != oauth.InvalidDPoPProof {
			t.Errorf("the same proof again = %v, want invalid_dpop_proof", err)
		}
	}
	// The same jti of another key is another proof.
	id := map[string]any{"jti": "the same"}
	if _, err := b.Optional(post(b.proof(id)), anyClient); err != nil {
		t.Errorf("a jti = %v, want nil", err)
	}
	if _, err := b.Optional(post(b.proof(id)), anyClient); code(err) != oauth.InvalidDPoPProof {
		t.Errorf("the same jti in another proof = %v, want invalid_dpop_proof", err)
	}
	b.key = tokentest.NewKey(t)
	if _, err := b.Optional(post(b.proof(id)), anyClient); err != nil {
		t.Errorf("the same jti of another key = %v, want nil", err)
	}
}

// A proof from a minute ahead is remembered for as long as it could be accepted.
func TestReplayOfAProofFromAhead(t *testing.T) {
	b := newBench(t)
	proof := b.proof(map[string]any{"iat": b.Clock.Now().Unix() + 59})
	if _, err := b.Optional(post(proof), anyClient); err != nil {
		t.Fatal(err)
	}
	for range 13 {
		b.Clock.Turn(10 * time.Second)
		if _, err := b.Optional(post(proof), anyClient); code(err) != oauth.InvalidDPoPProof {
			t.Errorf("the same proof at %s = %v, want invalid_dpop_proof", b.Clock.Now(), err)
		}
	}
}

// Of many requests with the same proof at the same time one is accepted.
func TestReplayAtTheSameTime(t *testing.T) {
	b := newBench(t)
	proof := b.proof(nil)
	var good atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			jkt, err := b.Optional(post(proof), anyClient)
			switch {
			case err == nil && jkt != "":
				good.Add(1)
			case code(err) != oauth.InvalidDPoPProof:
				t.Errorf("Optional = %v, want invalid_dpop_proof", err)
			}
		})
	}
	all.Wait()
	if good.Load() != 1 {
		t.Errorf("%d of 16 were let in, want 1", good.Load())
	}
}

// A lost reply uses up no proof, and an outage is no verdict.
func TestFaults(t *testing.T) {
	b := newBench(t)
	calls := 0
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault {
		calls++
		return sessiontest.Fault{Drop: calls == 1}
	})
	if _, err := b.Optional(post(b.proof(nil)), anyClient); err != nil || calls != 2 {
		t.Errorf("Optional with a lost reply = %v after %d calls, want nil after 2", err, calls)
	}
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault { return sessiontest.Fault{Error: "InternalServerError"} })
	if _, err := b.Optional(post(b.proof(nil)), anyClient); err == nil || code(err) != "" {
		t.Errorf("Optional during an outage = %v, want an error that refuses nobody", err)
	}
}

// A good proof costs one write and a bad one none: a client without a valid proof
// cannot fill the table.
func TestCost(t *testing.T) {
	b := newBench(t)
	good, bad := post(b.proof(nil)), post(b.proof(map[string]any{"htm": "GET"}))
	late := post(b.proof(map[string]any{"iat": 0}))
	cost := b.Wire.Count(func() { _, _ = b.Optional(good, anyClient) })
	if len(cost.Calls) != 1 || cost.Calls[0] != "UpdateItem" || cost.Write != 1 {
		t.Errorf("a good proof costs %s, want one UpdateItem of one unit", cost)
	}
	cost = b.Wire.Count(func() {
		_, _ = b.Optional(bad, anyClient)
		_, _ = b.Optional(late, anyClient)
		_, _ = b.Optional(post(), anyClient)
	})
	if len(cost.Calls) != 0 {
		t.Errorf("bad proofs cost %s, want nothing", cost)
	}
}
