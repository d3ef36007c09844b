package session_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// signIn is a sign-in of a subject by a password, at noon.
func signIn(b *sessiontest.Bench, subject string) session.NewLogin {
	return session.NewLogin{
		Subject: subject, AuthTime: b.Clock.Now(), AMR: []string{"pwd"},
		ClientInfo: session.NewClientInfo("203.0.113.9", "Firefox"), RequestID: "r-login",
	}
}

// stronger is a sign-in of a subject by a passkey, from another network.
func stronger(b *sessiontest.Bench, subject string) session.NewLogin {
	return session.NewLogin{
		Subject: subject, AuthTime: b.Clock.Now(), AMR: []string{"pop", "user", "mfa"},
		ClientInfo: session.NewClientInfo("198.51.100.7", "Safari"), RequestID: "r-renew",
	}
}

// A renewed login has the data of the new sign-in except its id and its creation time.
// It has a new cookie, and its grants are unchanged. A renewal is one transaction.
func TestRenewLogin(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	before, old := must2(b.CreateLogin(t.Context(), signIn(b, subject)))
	g := b.Grant(subject, func(n *session.NewGrant) { n.Login = before.ID })
	b.Clock.Turn(20 * time.Minute)
	var renewed *session.Login
	var cookie string
	took := b.Wire.Count(func() { renewed, cookie = must2(b.RenewLogin(t.Context(), before, stronger(b, subject))) })
	if len(took.Calls) != 1 || took.Calls[0] != "TransactWriteItems" {
		t.Errorf("RenewLogin made the calls %v, want one transaction", took.Calls)
	}
	if _, err := b.LoginByCookie(t.Context(), old); !errors.Is(err, session.ErrEnded) || cookie == old {
		t.Errorf("Login of the cookie before = %v, want ErrEnded", err)
	}
	l, err := b.LoginByCookie(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	now := b.Clock.Now()
	if l.ID != before.ID || !l.Created.Equal(before.Created) || !l.AuthTime.Equal(now.Truncate(time.Second)) || !l.Proved.Equal(now) ||
		!slices.Equal(l.AMR, []string{"pop", "user", "mfa"}) || l.IP != "198.51.100.0/24" || l.Agent == before.Agent ||
		!l.Absolute.Equal(now.Add(session.LoginLife).Truncate(time.Second)) || !l.Idle.Equal(now.Add(session.LoginIdle).Truncate(time.Second)) {
		t.Errorf("Login = %+v, before %+v, want the new sign-in under the old id", l, before)
	}
	if !l.Proved.Equal(renewed.Proved) || !slices.Equal(l.AMR, renewed.AMR) || !l.Absolute.Equal(renewed.Absolute) {
		t.Errorf("RenewLogin = %+v, stored %+v", renewed, l)
	}
	expect(t, b, g, true)
	if n := must(b.List(t.Context(), subject)); len(n) != 2 {
		t.Errorf("List = %v, want the login and the grant", n)
	}
	want := sessiontest.Entry{Action: string(session.ActionRenew), Object: "login#" + before.ID}
	if entries := b.Entries(subject); len(entries) != 3 || entries[2] != want {
		t.Errorf("entries = %v, want %v last", entries, want)
	}
	// It ends like any other login, with its grants.
	if _, err := b.EndLogin(t.Context(), subject, l.ID, session.Cause{Why: session.LoggedOut, Actor: subject}); err != nil {
		t.Fatal(err)
	}
	expect(t, b, g, false)
}

// A value that is unknown of the new sign-in is not kept from the old one.
func TestRenewForgets(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	before, _ := must2(b.CreateLogin(t.Context(), signIn(b, subject)))
	_, cookie := must2(b.RenewLogin(t.Context(), before, session.NewLogin{Subject: subject, AuthTime: b.Clock.Now()}))
	l, err := b.LoginByCookie(t.Context(), cookie)
	if err != nil || len(l.AMR) != 0 || l.ClientInfo != (session.ClientInfo{}) {
		t.Errorf("Login = %+v, %v, want one of unknown methods and device", l, err)
	}
}

// A renewal extends the life of a login that has not expired, and of no other.
func TestRenewPutsOffTheEnd(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	l, cookie := must2(b.CreateLogin(t.Context(), signIn(b, subject)))
	for range 30 { // fourteen and a half hours
		b.Clock.Turn(session.LoginIdle - time.Minute)
		l, cookie = must2(b.RenewLogin(t.Context(), l, stronger(b, subject)))
	}
	if _, err := b.LoginByCookie(t.Context(), cookie); err != nil {
		t.Errorf("Login = %v, want one that is renewed to live", err)
	}
	b.Clock.Turn(session.LoginIdle)
	if _, _, err := b.RenewLogin(t.Context(), l, stronger(b, subject)); !errors.Is(err, session.ErrEnded) {
		t.Errorf("RenewLogin of an idle one = %v, want ErrEnded", err)
	}
}

func TestRenewRefuses(t *testing.T) {
	ended := session.Cause{Why: session.LoggedOut, Actor: "test"}
	for name, tt := range map[string]struct {
		// change happens between the read and the renewal.
		change func(*testing.T, *sessiontest.Bench, *session.Login, *session.NewLogin)
		want   error
	}{
		"ended": {func(t *testing.T, b *sessiontest.Bench, l *session.Login, _ *session.NewLogin) {
			t.Helper()
			must(b.EndLogin(t.Context(), l.Subject, l.ID, ended))
		}, session.ErrEnded},
		"idle": {func(_ *testing.T, b *sessiontest.Bench, _ *session.Login, _ *session.NewLogin) {
			b.Clock.Turn(session.LoginIdle)
		}, session.ErrEnded},
		"expired": {func(_ *testing.T, b *sessiontest.Bench, _ *session.Login, _ *session.NewLogin) {
			b.Clock.Turn(session.LoginLife)
		}, session.ErrEnded},
		"renewed before": {func(t *testing.T, b *sessiontest.Bench, l *session.Login, n *session.NewLogin) {
			t.Helper()
			must2(b.RenewLogin(t.Context(), l, *n))
		}, session.ErrEnded},
		"never there": {func(_ *testing.T, _ *sessiontest.Bench, l *session.Login, _ *session.NewLogin) {
			l.ID = "01JD9ZQZ7M3S9T6W9B0V5K8XYZ"
		}, session.ErrEnded},
		"an old auth_gen": {func(t *testing.T, b *sessiontest.Bench, l *session.Login, _ *session.NewLogin) {
			t.Helper()
			must(b.EndAll(t.Context(), l.Subject, ended))
		}, session.ErrStale},
		"an auth_gen to come": {func(_ *testing.T, _ *sessiontest.Bench, _ *session.Login, n *session.NewLogin) {
			n.AuthGen++
		}, session.ErrStale},
		"disabled": {func(t *testing.T, b *sessiontest.Bench, l *session.Login, n *session.NewLogin) {
			t.Helper()
			must(b.ChangeUser(t.Context(), l.Subject, dynamo.UserChange{Changes: dynamo.Changes{Set: dynamo.Item{dynamo.AttrDisabled: dynamo.Flag(true)}}}, ended))
			n.AuthGen++ // as read since
		}, session.ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			b := sessiontest.New(t)
			subject := b.User()
			l, _ := must2(b.CreateLogin(t.Context(), signIn(b, subject)))
			n := stronger(b, subject)
			tt.change(t, b, l, &n)
			before := len(b.Entries(subject))
			if _, cookie, err := b.RenewLogin(t.Context(), l, n); !errors.Is(err, tt.want) || cookie != "" {
				t.Errorf("RenewLogin = %q, %v, want %v", cookie, err, tt.want)
			}
			if n := len(b.Entries(subject)); n != before {
				t.Errorf("there are %d entries, %d before: a refusal is no renewal", n, before)
			}
		})
	}
}

// A renewal cannot change the user of a login.
func TestRenewForAnotherUserIsRefused(t *testing.T) {
	b := sessiontest.New(t)
	ada, eve := b.User(), b.User()
	l, cookie := must2(b.CreateLogin(t.Context(), signIn(b, ada)))
	if took := b.Wire.Count(func() {
		if _, _, err := b.RenewLogin(t.Context(), l, stronger(b, eve)); err == nil {
			t.Error("RenewLogin for another user = nil, want an error")
		}
	}); len(took.Calls) != 0 {
		t.Errorf("it made the calls %v, want none", took.Calls)
	}
	if got, err := b.LoginByCookie(t.Context(), cookie); err != nil || got.Subject != ada {
		t.Errorf("Login = %+v, %v, want it as it was", got, err)
	}
}

// One of two concurrent sign-ins in two tabs renews the login; the other is refused.
func TestRenewAtOnce(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	l, _ := must2(b.CreateLogin(t.Context(), signIn(b, subject)))
	const tabs = 6
	var cookies [tabs]string
	var errs [tabs]error
	var all sync.WaitGroup
	for i := range tabs {
		all.Go(func() { _, cookies[i], errs[i] = b.RenewLogin(t.Context(), l, stronger(b, subject)) })
	}
	all.Wait()
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			if _, err := b.LoginByCookie(t.Context(), cookies[i]); err != nil {
				t.Errorf("the cookie of the tab that won: %v", err)
			}
		case !errors.Is(err, session.ErrEnded):
			t.Errorf("RenewLogin = %v, want nil or ErrEnded", err)
		}
	}
	if won != 1 || len(b.Entries(subject)) != 2 {
		t.Errorf("%d tabs won, with %v in the trail, want one", won, b.Entries(subject))
	}
}

// The additional writes of a sign-in belong to its transaction, for a new and for a
// renewed login.
func TestAlsoOfALogin(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	n := signIn(b, subject)
	n.Also = []dynamo.Write{once(b, "first")}
	l, _ := must2(b.CreateLogin(t.Context(), n))
	n.Also = []dynamo.Write{once(b, "second")}
	l, cookie := must2(b.RenewLogin(t.Context(), l, n))
	before := len(scan(t, b, b.Sessions))
	n.Also = []dynamo.Write{once(b, "third"), once(b, "first")}
	for name, create := range map[string]func() error{
		"CreateLogin": func() error { _, _, err := b.CreateLogin(t.Context(), n); return err },
		"RenewLogin":  func() error { _, _, err := b.RenewLogin(t.Context(), l, n); return err },
	} {
		if err := create(); !errors.Is(err, doneError("first")) {
			t.Errorf("%s = %v, want the failure of the second write", name, err)
		}
	}
	if after := len(scan(t, b, b.Sessions)); after != before {
		t.Errorf("there are %d items, %d before: something was written", after, before)
	}
	if _, err := b.LoginByCookie(t.Context(), cookie); err != nil {
		t.Errorf("Login = %v, want the cookie to be as good as before", err)
	}
	if entries := b.Entries(subject); len(entries) != 2 {
		t.Errorf("entries = %v, want those of what happened", entries)
	}
	n.Also = make([]dynamo.Write, session.MaxAlso+1)
	if _, _, err := b.CreateLogin(t.Context(), n); err == nil {
		t.Errorf("CreateLogin with %d more writes = nil, want an error", len(n.Also))
	}
	if _, _, err := b.RenewLogin(t.Context(), l, n); err == nil {
		t.Errorf("RenewLogin with %d more writes = nil, want an error", len(n.Also))
	}
}

// A sign-in with evictions has room for the additional writes.
func TestAlsoOfALoginWithEvictions(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	for range session.MaxItems {
		b.Grant(subject, nil)
	}
	n := signIn(b, subject)
	n.Also = []dynamo.Write{once(b, "1"), once(b, "2"), once(b, "3"), once(b, "4")}
	if _, _, err := b.CreateLogin(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	n.Also = []dynamo.Write{once(b, "5"), once(b, "4")}
	_, _, err := b.CreateLogin(t.Context(), n)
	if !errors.Is(err, doneError("4")) {
		t.Errorf("CreateLogin = %v, want the failure of the second write", err)
	}
}

// When a response is lost, the SDK repeats the renewal, and it counts once.
func TestRenewWhenTheAnswerIsLost(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	before, _ := must2(b.CreateLogin(t.Context(), signIn(b, subject)))
	lost := false
	b.Wire.Inject(func(c sessiontest.Call) sessiontest.Fault {
		drop := c.Operation == "TransactWriteItems" && !lost
		lost = lost || drop
		return sessiontest.Fault{Drop: drop}
	})
	n := stronger(b, subject)
	n.Also = []dynamo.Write{once(b, "code")}
	_, cookie, err := b.RenewLogin(t.Context(), before, n)
	if err != nil || !lost {
		t.Fatalf("RenewLogin = %v, want none", err)
	}
	if _, err := b.LoginByCookie(t.Context(), cookie); err != nil || len(b.Entries(subject)) != 2 {
		t.Errorf("Login = %v with %v in the trail, want one renewal", err, b.Entries(subject))
	}
}
