package throttle_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/throttle"
)

// Fifty concurrent guesses get as many tries as fifty guesses in a row.
func TestParallelGuesses(t *testing.T) {
	tests := []struct {
		name    string
		before  int // attempts on the account before, one every hour
		attempt func(i int) throttle.Attempt
		want    int
	}{
		{"one account, many addresses", 0, func(i int) throttle.Attempt { return from("ann", 100+i) }, throttle.Free},
		{"one account that must wait", 5, func(i int) throttle.Attempt { return from("ann", 100+i) }, 1},
		{"one address, many accounts", 0, func(i int) throttle.Attempt {
			return throttle.Attempt{Account: "user" + strconv.Itoa(i), Address: "192.0.2.1"}
		}, throttle.PerMinute},
		{"one network of IPv6", 0, func(i int) throttle.Attempt {
			return throttle.Attempt{Account: "user" + strconv.Itoa(i), Address: fmt.Sprintf("2001:db8:0:1::%x", i)}
		}, throttle.PerMinute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			for i := range tt.before {
				b.allowed(from("ann", i))
				b.now = b.now.Add(time.Hour)
			}
			var mu sync.Mutex
			var wg sync.WaitGroup
			allowed := 0
			for i := range 50 {
				wg.Go(func() {
					r, err := b.Reserve(t.Context(), tt.attempt(i))
					mu.Lock()
					defer mu.Unlock()
					if _, limited := errors.AsType[*throttle.LimitError](err); err != nil && !limited {
						t.Errorf("Reserve(%+v) = %v", tt.attempt(i), err)
					}
					if r != nil {
						allowed++
					}
				})
			}
			wg.Wait()
			if allowed != tt.want {
				t.Errorf("%d of 50 attempts at once were allowed, want %d", allowed, tt.want)
			}
		})
	}
}

// A known browser of a known account has its own allowance, also under concurrency.
func TestKnownBrowserHasOneAllowanceUnderConcurrency(t *testing.T) {
	b := newBench(t)
	b.succeeded(b.allowed(from("ann", 1)), "phone-of-ann")
	guess := from("ann", 2)
	guess.KnownBrowser = "phone-of-ann"
	var mu sync.Mutex
	var wg sync.WaitGroup
	allowed := 0
	for range 50 {
		wg.Go(func() {
			if r, _ := b.Reserve(t.Context(), guess); r != nil {
				mu.Lock()
				defer mu.Unlock()
				allowed++
			}
		})
	}
	wg.Wait()
	if allowed != throttle.Free {
		t.Errorf("%d of 50 attempts at once from one browser were allowed, want %d", allowed, throttle.Free)
	}
}
