package throttle_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/throttle"
)

// admit makes one request and returns the wait, 0 when it is admitted.
func (b *bench) admit(kind, address string) time.Duration {
	b.t.Helper()
	err := b.Admit(b.t.Context(), kind, address)
	if limit, ok := errors.AsType[*throttle.LimitError](err); ok {
		return limit.RetryAfter
	}
	if err != nil {
		b.t.Fatalf("Admit(%q, %q) = %v", kind, address, err)
	}
	return 0
}

func TestAdmitLimitsEachAddress(t *testing.T) {
	b := newBench(t)
	b.now = noon.Add(15 * time.Second)
	for i := range throttle.PerMinute {
		// One customer of a provider has a whole /64.
		if wait := b.admit("codes", fmt.Sprintf("2001:db8:7:1::%d", i+1)); wait != 0 {
			t.Fatalf("request %d of a minute must wait %v, want to be admitted", i+1, wait)
		}
	}
	if calls, units := b.cost(); calls != throttle.PerMinute || units != throttle.PerMinute {
		t.Errorf("%d requests made %d calls of %v units, want one each", throttle.PerMinute, calls, units)
	}
	if wait := b.admit("codes", "2001:db8:7:1::1"); wait != 45*time.Second {
		t.Errorf("one request more must wait %v, want 45s", wait)
	}
	for _, other := range [][2]string{{"codes", "2001:db8:7:2::1"}, {"requests", "2001:db8:7:1::1"}, {"", "2001:db8:7:1::1"}} {
		if wait := b.admit(other[0], other[1]); wait != 0 {
			t.Errorf("a request of %q must wait %v, want an allowance of its own", other, wait)
		}
	}
	// Sign-ins are not affected.
	b.allowed(throttle.Attempt{Account: "ann", Address: "2001:db8:7:1::1"})
	b.now = b.now.Add(45 * time.Second)
	if wait := b.admit("codes", "2001:db8:7:1::1"); wait != 0 {
		t.Errorf("a request in the next minute must wait %v, want to be admitted", wait)
	}
}

// Guesses of one kind do not block the owner of an account in another kind, even with an
// account name that is made to look like it.
func TestKindsHaveSeparateAllowances(t *testing.T) {
	b := newBench(t)
	code := func(n int) throttle.Attempt {
		return throttle.Attempt{Kind: "user code", Account: "ann", Address: fmt.Sprintf("192.0.2.%d", n)}
	}
	for i := range throttle.Free {
		b.allowed(from("ann", i))
		b.allowed(from("user codeann", i))
		b.allowed(from("ann\x009:user code", i))
	}
	for i := range throttle.Free {
		b.allowed(code(i))
	}
	b.refused(code(9), throttle.FirstWait)
	b.refused(from("ann", 9), throttle.FirstWait)
}
