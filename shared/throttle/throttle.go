// Package throttle limits password guesses without locking out the owner of the account.
//
// # Allowances
//
// [Store.Reserve] counts every attempt before the password is checked. It takes one
// attempt from an allowance by a conditional write. So a thousand concurrent guesses get
// as many tries as a thousand in a row. There are three kinds of allowance:
//
//   - An account has a few attempts free, of each kind. After that each attempt must wait
//     twice as long as the one before, up to a quarter of an hour and never for ever.
//   - A network address (a /32, or a /64 of IPv6) has a number of attempts per minute, for
//     all accounts together.
//   - A browser in which the user of an account has signed in before has its own allowance
//     for that account. The other two do not apply to it. So attackers can slow down each
//     other, and not the owner.
//
// # Privacy
//
// An account is counted by its name, whether it exists or not. Names and addresses are
// stored as an HMAC only: the table does not reveal which address tried which name.
//
// # Requests that store something
//
// A request that makes us store something, such as a device code, is no guess. It is
// limited all the same: [Store.Admit] has an allowance per minute and address.
//
// # Success
//
// A successful attempt was no guess. [Reservation.Succeeded] refunds that attempt and
// nothing more. It never refunds other guesses, because an attacker could wait for the
// owner to sign in. Only the browser's own allowance is reset.
package throttle

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// The allowances.
const (
	// Free is how many attempts an account or a browser has before a wait.
	Free = 5
	// FirstWait follows the last free attempt. Each further attempt doubles the
	// wait, up to MaxWait.
	FirstWait = time.Second
	MaxWait   = 15 * time.Minute
	// Memory is how long after the last attempt the count of an account is kept.
	Memory = 24 * time.Hour
	// PerMinute is how many attempts an address has per minute.
	PerMinute = 30
	// BrowserLife is how long after its last sign-in a browser is known.
	BrowserLife = 400 * 24 * time.Hour
)

// LimitError is returned for an attempt that comes too early.
type LimitError struct {
	// RetryAfter is the wait, in whole seconds and at least one.
	RetryAfter time.Duration
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("too many attempts; the next one may come in %s", e.RetryAfter)
}

// Wait is how long to wait, for the shared steps.
func (e *LimitError) Wait() time.Duration { return e.RetryAfter }

// Attempt is one attempt to sign in, or to guess another secret.
type Attempt struct {
	// Kind is what could be guessed. Each kind has its own allowance. It is empty
	// for a password.
	Kind string
	// Account is the user name as typed, known or not. For other kinds it is the
	// owner of the allowance.
	Account string
	// Address is the network address of the request.
	Address string
	// KnownBrowser names the browser, empty when it has no name yet. It has an effect
	// only if Succeeded was called with it for this account. It must be too long to
	// guess.
	KnownBrowser string
}

// Store counts attempts in the sessions table.
type Store struct {
	DB       *dynamodb.Client
	Sessions string
	// Key is the key of the HMAC under names and addresses. When it changes, all
	// counts start from zero, and no browser is known until its next sign-in. So it
	// should change as rarely as possible.
	Key func(context.Context) ([]byte, error)
	Now func(context.Context) time.Time
}

// Reservation is an attempt that was counted and is allowed.
type Reservation struct {
	store *Store
	keys  keys
	// known reports that the browser's own allowance was charged, and not that of the
	// account.
	known bool
}

// Reserve counts an allowed attempt, or returns a [*LimitError]. It makes one write for a
// known browser. Otherwise it makes one for the address and one for the account. An
// allowance that has no free attempt left, or that a concurrent attempt is using, takes
// one more write. An attempt that the address refuses is not counted for the account.
func (s *Store) Reserve(ctx context.Context, a Attempt) (*Reservation, error) {
	k, err := s.keys(ctx, a)
	if err != nil {
		return nil, err
	}
	r := &Reservation{store: s, keys: k}
	if a.KnownBrowser != "" {
		r.known, err = s.charge(ctx, backoff{pk: k.browser(a.KnownBrowser), browser: true})
		if err != nil {
			return nil, err
		}
		if r.known {
			return r, nil
		}
	}
	if err := s.count(ctx, k.address); err != nil {
		return nil, err
	}
	if _, err := s.charge(ctx, backoff{pk: k.account}); err != nil {
		return nil, err
	}
	return r, nil
}

// Succeeded reports that the attempt proved the user, in the browser with that name:
// the one of the attempt, or a new one. From then on the account knows that browser.
// An empty name makes no browser known.
//
// It makes one write, or two when the account was charged. The sign-in is good even
// after an error: the caller counts the error and goes on.
func (r *Reservation) Succeeded(ctx context.Context, browser string) error {
	if browser != "" {
		if err := r.store.remember(ctx, r.keys.browser(browser)); err != nil {
			return err
		}
	}
	if r.known {
		return nil
	}
	return r.store.refund(ctx, r.keys.account)
}

// keys are the partition keys of the counters of an attempt.
type keys struct {
	account, address string
	// admission is the counter of [Store.Admit].
	admission string
	browser   func(name string) string
}

func (s *Store) keys(ctx context.Context, a Attempt) (keys, error) {
	key, err := s.Key(ctx)
	if err != nil {
		return keys{}, fmt.Errorf("throttle: %w", err)
	}
	counter := func(kind string, parts ...string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("throttle " + kind))
		for _, p := range parts {
			// The length keeps ("ab", "c") apart from ("a", "bc").
			_, _ = fmt.Fprintf(mac, "\x00%d:%s", len(p), p) // a hash takes everything
		}
		return contract.ThrottlePrefix.Of(kind + "#" + hex.EncodeToString(mac.Sum(nil)[:16]))
	}
	owner := []string{strings.ToLower(a.Account)}
	if a.Kind != "" {
		owner = append(owner, a.Kind)
	}
	minute := s.Now(ctx).UTC().Format("2006-01-02T15:04")
	return keys{
		account:   counter("account", owner...),
		address:   counter("address", network(a.Address), minute),
		admission: counter("admission", a.Kind, network(a.Address), minute),
		// The word is that of the items that are stored.
		browser: func(name string) string { return counter("device", slices.Concat(owner, []string{name})...) },
	}, nil
}

// network returns the part of an address that one customer of a provider has. All texts
// that are no address share one allowance.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // every IPv6 address has one
	return prefix.String()
}

// wait returns the wait after attempt n.
func wait(n int64) time.Duration {
	if n < Free {
		return 0
	}
	if n-Free > 20 { // beyond the longest wait, before the shift overflows
		return MaxWait
	}
	return min(FirstWait<<(n-Free), MaxWait)
}

func tooEarly(left time.Duration) error {
	whole := (left + time.Second - 1).Truncate(time.Second)
	return &LimitError{RetryAfter: max(whole, time.Second)}
}
