package throttle_test

import (
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/throttle"
)

// An attacker who guesses all day, also from the owner's own network, does not block the
// owner in a browser that the owner has used before.
func TestGuessesDoNotLockOutTheOwner(t *testing.T) {
	b := newBench(t)
	owner := throttle.Attempt{Account: "ann", Address: "192.0.2.1", KnownBrowser: "laptop-of-ann"}
	b.succeeded(b.allowed(owner), owner.KnownBrowser)
	for range 40 {
		for range 40 {
			b.attempt(throttle.Attempt{Account: "ann", Address: owner.Address})
		}
		b.now = b.now.Add(time.Minute)
	}
	for range 35 {
		b.attempt(throttle.Attempt{Account: "ann", Address: owner.Address, KnownBrowser: "a-device-of-a-stranger"})
	}
	if _, wait := b.attempt(throttle.Attempt{Account: "ann", Address: "203.0.113.7"}); wait < time.Second {
		t.Errorf("a guess from another address must wait %v, want a while", wait)
	}
	for range 10 {
		b.succeeded(b.allowed(owner), owner.KnownBrowser)
	}
	// The owner's success refunded none of the guesses.
	if _, wait := b.attempt(throttle.Attempt{Account: "ann", Address: "203.0.113.7"}); wait < time.Second {
		t.Errorf("a guess after the owner's sign-in must wait %v, want a while", wait)
	}
	// Five wrong attempts of the owner, then the wait of the browser itself.
	for range throttle.Free {
		b.allowed(owner)
	}
	b.refused(owner, time.Second)
	b.now = b.now.Add(time.Second)
	b.succeeded(b.allowed(owner), owner.KnownBrowser)
	b.allowed(owner)
}

// A browser is known only for the accounts that signed in there. The owner of one account
// cannot use it to guess at other accounts.
func TestBrowserIsKnownForOneAccount(t *testing.T) {
	b := newBench(t)
	thief := throttle.Attempt{Account: "mallory", Address: "192.0.2.1", KnownBrowser: "browser-of-mallory"}
	b.succeeded(b.allowed(thief), thief.KnownBrowser)
	thief.Account = "ann"
	for range throttle.Free {
		b.allowed(thief)
	}
	b.refused(thief, time.Second)
	b.now = b.now.Add(throttle.BrowserLife)
	thief.Account = "mallory"
	for range throttle.Free {
		b.allowed(thief) // its time is over, so that the account is charged
	}
	b.refused(thief, time.Second)
}

// Sign-ins that succeed are never limited, from any number of addresses.
func TestSuccessIsRefunded(t *testing.T) {
	b := newBench(t)
	for i := range 20 {
		b.succeeded(b.allowed(from("ann", i)), "")
	}
	for i := range throttle.Free - 1 {
		b.allowed(from("ann", i))
	}
	b.succeeded(b.allowed(from("ann", 30)), "")
	b.allowed(from("ann", 31))
	b.refused(from("ann", 32), time.Second)
}
