package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// All concurrent refreshes of one token succeed with the same next token, and exactly
// one of them moves the grant.
func TestConcurrentRefreshes(t *testing.T) {
	for _, n := range []int{2, 8, 50} {
		for name, create := range map[string]func(*session.NewGrant){"bearer": nil, "bound": bound, "key": keyed(thumb)} {
			t.Run(fmt.Sprintf("%d %s", n, name), func(t *testing.T) {
				b := sessiontest.New(t)
				g := b.Grant(b.User(), create)
				handle := must(b.Handles.Parse(t.Context(), b.Token(g, 1)))
				want := must(b.Handles.Next(t.Context(), handle))
				var rotated atomic.Int32
				sessiontest.Parallel(n, func(int) {
					got, outcome, err := b.Refresh(g, 1, proved)
					if err != nil || got.Generation != 2 {
						t.Errorf("Refresh = %+v, %v, want generation 2", got, err)
						return
					}
					if next, err := b.Handles.Next(t.Context(), handle); err != nil || next != want {
						t.Errorf("Next = %q, %v, want %q every time", next, err, want)
					}
					if outcome == session.Rotated {
						rotated.Add(1)
					}
				})
				if rotated.Load() != 1 {
					t.Errorf("%d of %d refreshes moved the grant, want 1", rotated.Load(), n)
				}
				if _, outcome, err := b.Refresh(g, 2, proved); outcome != session.Rotated {
					t.Errorf("the session is not usable afterwards: %v", err)
				}
			})
		}
	}
}

// After End has returned, no token of the grant works, despite concurrent refreshes.
func TestRevokeRacesRefresh(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	for range 40 {
		g := b.Grant(subject, nil)
		var reached atomic.Uint32
		reached.Store(1)
		sessiontest.Parallel(4, func(i int) {
			if i == 0 {
				end(b, g)
				if next, _, err := b.Refresh(g, reached.Load(), nil); err == nil {
					t.Errorf("after End a refresh leads to generation %d", next.Generation)
				}
				return
			}
			for range 5 {
				if next, _, err := b.Refresh(g, reached.Load(), nil); err == nil {
					reached.Store(next.Generation)
				}
			}
		})
		expect(t, b, g, false)
		if _, _, err := b.Refresh(g, reached.Load(), nil); !errors.Is(err, session.ErrEnded) {
			t.Errorf("Refresh = %v, want ErrEnded", err)
		}
	}
	count := map[sessiontest.Entry]int{}
	for _, e := range b.Entries(subject) {
		if count[e]++; count[e] > 1 {
			t.Errorf("entry %v is there twice", e)
		}
	}
}

// Concurrent reuses and a revocation end the grant once, with one audit entry.
func TestReuseEndsOnce(t *testing.T) {
	b := sessiontest.New(t)
	g := b.Grant(b.User(), nil)
	refreshed(1)(b, g)
	refreshed(2)(b, g)
	sessiontest.Parallel(8, func(i int) {
		if i == 0 {
			end(b, g)
			return
		}
		_, outcome, err := b.Refresh(g, 1, nil)
		if _, reused := errors.AsType[*session.ReuseError](err); !reused && !errors.Is(err, session.ErrEnded) {
			t.Errorf("Refresh = %v, %v, want a ReuseError or ErrEnded", outcome, err)
		}
	})
	expect(t, b, g, false)
	if entries := b.Entries(g.Subject); len(entries) != 2 || entries[1].Action != "grant.end" {
		t.Errorf("entries = %v, want one creation and one end", entries)
	}
}

// A sign-in that races a revoke-all is ended by it or refused; it never survives.
func TestCreateRacesEndAll(t *testing.T) {
	b := sessiontest.New(t)
	var created, refused atomic.Int32
	for range 30 {
		subject := b.User()
		b.Grant(subject, nil)
		sessiontest.Parallel(4, func(i int) {
			if i == 0 {
				if _, err := b.EndAll(context.Background(), subject, revoked); err != nil {
					t.Errorf("EndAll = %v", err)
				}
				if items := must(b.List(context.Background(), subject)); len(items) != 0 {
					t.Errorf("when EndAll returns, %v is live", items)
				}
				return
			}
			_, _, err := b.CreateLogin(context.Background(), session.NewLogin{Subject: subject, AuthTime: b.Clock.Now()})
			switch {
			case err == nil:
				created.Add(1)
			case errors.Is(err, session.ErrStale):
				refused.Add(1)
			default:
				t.Errorf("CreateLogin = %v, want success or ErrStale", err)
			}
		})
		if items := must(b.List(context.Background(), subject)); len(items) != 0 {
			t.Errorf("after EndAll and the logins, %v is live", items)
		}
	}
	t.Logf("%d logins were created and ended, %d refused", created.Load(), refused.Load())
}

// A revoke-all finds a login that was created after its first read.
func TestCreateBetweenLookAndEnd(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	b.Grant(subject, nil)
	var once sync.Once
	var slipped *session.Grant
	b.Wire.Inject(func(c sessiontest.Call) sessiontest.Fault {
		if c.Operation != "Query" {
			return sessiontest.Fault{}
		}
		return sessiontest.Fault{After: func() { once.Do(func() { slipped = b.Grant(subject, nil) }) }}
	})
	ended, err := b.EndAll(t.Context(), subject, revoked)
	if err != nil || ended != 2 {
		t.Errorf("EndAll = %d, %v, want both ended", ended, err)
	}
	expect(t, b, slipped, false)
}

// A grant that is created while its login ends does not outlive it.
func TestGrantRacesItsLogin(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	for range 20 {
		l, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject, AuthTime: b.Clock.Now()}))
		sessiontest.Parallel(3, func(i int) {
			if i == 0 {
				if _, err := b.EndLogin(context.Background(), subject, l.ID, revoked); err != nil {
					t.Errorf("EndLogin = %v", err)
				}
				return
			}
			_, err := b.CreateGrant(context.Background(), session.NewGrant{
				Subject: subject, Client: "app", Idle: time.Hour, Absolute: time.Hour, Login: l.ID,
			})
			if err != nil && !errors.Is(err, session.ErrEnded) {
				t.Errorf("CreateGrant = %v, want success or ErrEnded", err)
			}
		})
		if items := must(b.List(t.Context(), subject)); len(items) != 0 {
			t.Fatalf("after the logout %v is live", items)
		}
	}
}
