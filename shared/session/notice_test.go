package session_test

import (
	"context"
	encoding "encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

func notifying(n *session.NewGrant) { n.Notify = true }

// under is a change to a grant that ends with a login.
func under(l *session.Login) func(*session.NewGrant) {
	return func(n *session.NewGrant) { n.Notify, n.Login = true, l.ID }
}

// notices returns the number of notices in the queue for each session.
func notices(t *testing.T, b *sessiontest.Bench) map[string]int {
	t.Helper()
	box := &backchannel.Queue{Kind: backchannel.Notices, DB: b.Raw, Table: b.Sessions, Now: func(context.Context) time.Time { return b.Clock.Now().Add(time.Hour) }}
	due, err := box.Due(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sessions := map[string]int{}
	for _, n := range due {
		sessions[n.Payload.Session]++
	}
	return sessions
}

// single returns the notices of these grants, one each.
func single(grants ...*session.Grant) map[string]int {
	all := map[string]int{}
	for _, g := range grants {
		all[g.ID] = 1
	}
	return all
}

// An end and its notice are one transaction with one more write.
func TestAnEndWritesItsNotice(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	login, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	wanted := b.Grant(subject, under(login))
	b.Grant(subject, func(n *session.NewGrant) { n.Login = login.ID })
	b.Grant(subject, notifying) // of no login
	got := b.Wire.Count(func() {
		if ended, err := b.EndLogin(t.Context(), subject, login.ID, session.Cause{Why: session.LoggedOut, Actor: subject}); err != nil || ended != 3 {
			t.Errorf("EndLogin = %d, %v, want 3 ended", ended, err)
		}
	})
	if calls := fmt.Sprint(got.Calls); calls != "[Query TransactWriteItems Query]" || got.Write != 4*2+3 {
		t.Errorf("EndLogin took %v, want a look, a transaction of 4 items and an entry, and another look", got)
	}
	if got, want := notices(t, b), single(wanted); !maps.Equal(got, want) {
		t.Errorf("to be told are %v, want %v", got, want)
	}
	// Nothing is left to end, so there is no second notice.
	if _, err := b.EndLogin(t.Context(), subject, login.ID, session.Cause{Why: session.LoggedOut, Actor: subject}); err != nil {
		t.Fatal(err)
	}
	if got, want := notices(t, b), single(wanted); !maps.Equal(got, want) {
		t.Errorf("after a second end to be told are %v, want %v", got, want)
	}
}

// There is no notice of an end that the client caused, or that is no sign-out.
func TestEndsWithoutANotice(t *testing.T) {
	ctx := context.Background()
	for name, end := range map[string]func(*sessiontest.Bench, *session.Grant) error{
		"a client revokes its token": func(b *sessiontest.Bench, g *session.Grant) error { return b.End(ctx, g.Subject, g.ID, revoked) },
		"a client ends its session": func(b *sessiontest.Bench, g *session.Grant) error {
			_, err := b.EndItem(ctx, g.Subject, g.ID, revoked)
			return err
		},
		"it ends by itself": func(b *sessiontest.Bench, g *session.Grant) error {
			b.Clock.Turn(40 * 24 * time.Hour)
			_, err := b.EndAll(ctx, g.Subject, session.Cause{Why: session.Revoked, Actor: g.Subject})
			return err
		},
		"an old refresh token comes back": func(b *sessiontest.Bench, g *session.Grant) error {
			refreshed(1)(b, g)
			refreshed(2)(b, g)
			if _, _, err := b.Refresh(g, 1, nil); err == nil {
				return fmt.Errorf("it was taken")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := sessiontest.New(t)
			g := b.Grant(b.User(), notifying)
			if err := end(b, g); err != nil {
				t.Fatal(err)
			}
			if got := notices(t, b); len(got) != 0 {
				t.Errorf("to be told are %v, want none", got)
			}
		})
	}
}

// A grant with offline access outlives the login in which it was given. Its client gets
// one notice that the user has signed out, and keeps the grant.
func TestAnOfflineGrantGetsOneNoticeOfItsLogin(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	login, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	redeem := func(scope string, notify bool) *session.Grant {
		t.Helper()
		g, err := b.Redeem(t.Context(), &session.Code{
			Subject: subject, Login: login.ID, LoginEnds: login.Absolute, Grant: ulid.Make().String(), Scope: scope, AuthTime: b.Clock.Now(),
		}, session.RedeemRequest{Client: "app", Idle: time.Hour, Absolute: time.Hour, Notify: notify})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	lasting, ending := redeem("openid offline_access", true), redeem("openid", true)
	silent := redeem("openid offline_access", false)
	if lasting.Login != "" || lasting.Browser != login.ID || ending.Browser != "" || silent.Browser != "" {
		t.Fatalf("the grants are of the logins %q and %q, %q and %q", lasting.Login, lasting.Browser, ending.Browser, silent.Browser)
	}
	by := session.Cause{Why: session.LoggedOut, Actor: subject}
	if ended, err := b.EndLogin(t.Context(), subject, login.ID, by); err != nil || ended != 2 {
		t.Errorf("EndLogin = %d, %v, want the login and one grant ended", ended, err)
	}
	expect(t, b, lasting, true)
	expect(t, b, ending, false)
	expect(t, b, silent, true)
	if got, want := notices(t, b), single(lasting, ending); !maps.Equal(got, want) {
		t.Errorf("to be told are %v, want %v", got, want)
	}
	if ended, err := b.EndLogin(t.Context(), subject, login.ID, by); err != nil || ended != 0 {
		t.Errorf("a second EndLogin = %d, %v, want 0", ended, err)
	}
	if g := must(b.Store.Grant(t.Context(), subject, lasting.ID)); g.Browser != "" || !g.Notify {
		t.Errorf("the grant is %+v, want one that has parted from its login", g)
	}
	if got, want := notices(t, b), single(lasting, ending); !maps.Equal(got, want) {
		t.Errorf("after a second end to be told are %v, want %v", got, want)
	}
	if _, err := b.EndAll(t.Context(), subject, by); err != nil {
		t.Fatal(err)
	}
	want := single(ending)
	want[lasting.ID] = 2
	if got := notices(t, b); !maps.Equal(got, want) {
		t.Errorf("after the end of everything to be told are %v, want %v", got, want)
	}
}

// Ends and notices that exceed the 100 writes of one transaction are spread over
// several, each grant together with its notice.
func TestManyNotices(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	login, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	var grants []*session.Grant
	for i := range 150 {
		change := under(login)
		if i%3 == 0 {
			change = func(n *session.NewGrant) { n.Login = login.ID }
		}
		g := b.Grant(subject, change)
		if i%3 != 0 {
			grants = append(grants, g)
		}
	}
	var most atomic.Int64
	b.Wire.Inject(func(c sessiontest.Call) sessiontest.Fault {
		if c.Operation == "TransactWriteItems" {
			var body struct{ TransactItems []encoding.RawMessage }
			if err := encoding.Unmarshal(c.Body, &body); err != nil {
				t.Error(err)
			}
			most.Store(max(most.Load(), int64(len(body.TransactItems))))
		}
		return sessiontest.Fault{}
	})
	if ended, err := b.EndAll(t.Context(), subject, session.Cause{Why: session.Disabled, Actor: "operator"}); err != nil || ended != 151 {
		t.Errorf("EndAll = %d, %v, want 151 ended", ended, err)
	}
	if most.Load() < 90 || most.Load() > 100 {
		t.Errorf("the largest transaction had %d writes, want nearly and at most 100", most.Load())
	}
	if got, want := notices(t, b), single(grants...); !maps.Equal(got, want) {
		t.Errorf("%d are to be told, want %d once each", len(got), len(want))
	}
}

// Concurrent ends of one session write one notice.
func TestOneNoticeForEachEnd(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	login, _ := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	var grants []*session.Grant
	for range 10 {
		grants = append(grants, b.Grant(subject, under(login)))
	}
	by := session.Cause{Why: session.LoggedOut, Actor: subject}
	sessiontest.Parallel(4, func(i int) {
		end := func() (int, error) { return b.EndLogin(context.Background(), subject, login.ID, by) }
		if i%2 == 0 {
			end = func() (int, error) { return b.EndAll(context.Background(), subject, by) }
		}
		_, err := end()
		for errors.Is(err, dynamo.ErrBusy) { // the others are in the way
			_, err = end()
		}
		if err != nil {
			t.Errorf("end %d = %v", i, err)
		}
	})
	if got, want := notices(t, b), single(grants...); !maps.Equal(got, want) {
		t.Errorf("to be told are %v, want %v", got, want)
	}
}

// A notice is written together with its end or not at all, under every fault.
func TestNoticesUnderFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault sessiontest.Fault
		times int32
		fails bool
	}{
		"the answer is lost":      {sessiontest.Fault{Drop: true}, 1, false},
		"served twice":            {sessiontest.Fault{Twice: true}, 1, false},
		"meets a transaction":     {sessiontest.Fault{Error: "TransactionConflict"}, 2, false},
		"always meets one":        {sessiontest.Fault{Error: "TransactionConflict"}, 1000, true},
		"the process dies before": {sessiontest.Fault{Error: "InternalServerError"}, 1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := sessiontest.New(t)
			subject := b.User()
			g := b.Grant(subject, notifying)
			by := session.Cause{Why: session.Admin, Actor: "operator"}
			b.Wire.Inject(first(tt.times, "TransactWriteItems", tt.fault))
			if _, err := b.EndItem(t.Context(), subject, g.ID, by); (err != nil) != tt.fails {
				t.Errorf("EndItem = %v, want an error: %v", err, tt.fails)
			}
			b.Wire.Inject(nil)
			expect(t, b, g, tt.fails)
			want := single(g)
			if tt.fails {
				want = single()
			}
			if got := notices(t, b); !maps.Equal(got, want) {
				t.Errorf("to be told are %v, want %v", got, want)
			}
		})
	}
}

// The client of an evicted grant gets a notice.
func TestAnEvictionWritesANotice(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	eldest := b.Grant(subject, notifying)
	for range session.MaxItems - 1 {
		b.Clock.Turn(time.Second)
		b.Grant(subject, nil)
	}
	must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject}))
	expect(t, b, eldest, false)
	if got, want := notices(t, b), single(eldest); !maps.Equal(got, want) {
		t.Errorf("to be told are %v, want %v", slices.Collect(maps.Keys(got)), eldest.ID)
	}
}
