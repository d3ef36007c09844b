package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// bench is a store over a real table, with a clock that tests move.
type bench struct {
	*throttle.Store
	t   *testing.T
	now time.Time
	mu  sync.Mutex
	// calls and units are counted since the last call of cost.
	calls int
	units float64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, name := enginetest.DB(t)
	b := &bench{t: t, now: noon}
	counted := dynamodb.New(db.Options(), func(o *dynamodb.Options) {
		next := o.HTTPClient
		o.HTTPClient = doer{next, b}
	})
	b.Store = &throttle.Store{
		DB: counted, Sessions: name(contract.Sessions),
		Key: func(context.Context) ([]byte, error) { return []byte("0123456789abcdef0123456789abcdef"), nil },
		Now: func(context.Context) time.Time { return b.now },
	}
	return b
}

// attempt makes one attempt and returns its wait, -1 when it is allowed. The reservation is
// nil if it is not.
func (b *bench) attempt(a throttle.Attempt) (*throttle.Reservation, time.Duration) {
	b.t.Helper()
	r, err := b.Reserve(b.t.Context(), a)
	if limit, ok := errors.AsType[*throttle.LimitError](err); ok {
		if r != nil {
			b.t.Errorf("Reserve(%+v) = a reservation and %v", a, err)
		}
		return nil, limit.RetryAfter
	}
	if err != nil {
		b.t.Fatalf("Reserve(%+v) = %v", a, err)
	}
	return r, -1
}

func (b *bench) allowed(a throttle.Attempt) *throttle.Reservation {
	b.t.Helper()
	r, wait := b.attempt(a)
	if r == nil {
		b.t.Fatalf("Reserve(%+v) at %s must wait %v, want it allowed", a, b.now.Format(time.TimeOnly), wait)
	}
	return r
}

func (b *bench) refused(a throttle.Attempt, want time.Duration) {
	b.t.Helper()
	if _, wait := b.attempt(a); wait != want {
		b.t.Fatalf("Reserve(%+v) at %s must wait %v, want %v", a, b.now.Format(time.TimeOnly), wait, want)
	}
}

func (b *bench) succeeded(r *throttle.Reservation, device string) {
	b.t.Helper()
	if err := r.Succeeded(b.t.Context(), device); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) cost() (calls int, units float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls, units = b.calls, b.units
	b.calls, b.units = 0, 0
	return calls, units
}

// from returns an attempt from its own address.
func from(account string, n int) throttle.Attempt {
	return throttle.Attempt{Account: account, Address: fmt.Sprintf("198.51.%d.%d", n/250, n%250)}
}

// The waits are 1 s after the fifth attempt, then twice as long each time, up to
// a quarter of an hour, for a name that exists as for one that does not.
func TestAccountWaitsLongerEachTime(t *testing.T) {
	b := newBench(t)
	for i := range throttle.Free {
		b.allowed(from("ann", i))
	}
	for i, want := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900} {
		wait := time.Duration(want) * time.Second
		b.refused(from("ann", 10), wait)
		b.now = b.now.Add(wait - time.Millisecond)
		b.refused(from("Ann", 11), time.Second)
		b.now = b.now.Add(time.Millisecond)
		b.allowed(from("ANN", 20+i))
	}
	b.allowed(from("bob", 10))
	b.now = b.now.Add(throttle.Memory)
	for i := range throttle.Free {
		b.allowed(from("ann", i))
	}
	b.refused(from("ann", 10), time.Second)
}

func TestAddressHasALimitPerMinute(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		name, spent, other string
		same               bool
	}{
		{"IPv4", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 in IPv6", "192.0.2.9", "::ffff:192.0.2.9", true},
		{"one /64", "2001:db8:0:1::1", "2001:db8:0:1:ffff::1", true},
		{"another /64", "2001:db8:0:2::1", "2001:db8:0:3::1", false},
		{"no address", "", "unknown", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range throttle.PerMinute {
				b.allowed(throttle.Attempt{Account: tt.name + strconv.Itoa(i), Address: tt.spent})
			}
			b.now = b.now.Add(20 * time.Second)
			defer func() { b.now = b.now.Add(time.Minute).Truncate(time.Minute) }()
			b.refused(throttle.Attempt{Account: tt.name, Address: tt.spent}, 40*time.Second)
			want := time.Duration(-1)
			if tt.same {
				want = 40 * time.Second
			}
			if _, wait := b.attempt(throttle.Attempt{Account: tt.name, Address: tt.other}); wait != want {
				t.Errorf("attempt from %q after those from %q must wait %v, want %v", tt.other, tt.spent, wait, want)
			}
			b.now = b.now.Add(40 * time.Second)
			b.allowed(throttle.Attempt{Account: tt.name, Address: tt.spent})
		})
	}
}

// An attempt that the address refuses does not slow down the owner of the account.
func TestRefusedByAddressIsNotCountedForTheAccount(t *testing.T) {
	b := newBench(t)
	for i := range throttle.PerMinute {
		b.allowed(throttle.Attempt{Account: "user" + strconv.Itoa(i), Address: "192.0.2.1"})
	}
	for range 20 {
		b.refused(throttle.Attempt{Account: "ann", Address: "192.0.2.1"}, time.Minute)
	}
	b.allowed(from("ann", 1))
}

// Without the key nothing is counted and nothing is allowed.
func TestNothingIsAllowedWithoutTheKey(t *testing.T) {
	b := newBench(t)
	outage := errors.New("no keys")
	b.Key = func(context.Context) ([]byte, error) { return nil, outage }
	if r, err := b.Reserve(t.Context(), from("ann", 1)); r != nil || !errors.Is(err, outage) {
		t.Errorf("Reserve without a key = %v, %v, want the error", r, err)
	}
	if n, _ := b.cost(); n != 0 {
		t.Errorf("Reserve without a key made %d calls, want none", n)
	}
}
