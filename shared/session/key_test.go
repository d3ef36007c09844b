package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

const (
	thumb = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	other = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
)

func keyed(jkt string) func(*session.NewGrant) {
	return func(n *session.NewGrant) { n.JKT = jkt }
}

// Keycloak #36475: a bound refresh token is refused without its proof, and a refused
// attempt does not change the grant.
func TestRefreshBoundToAKey(t *testing.T) {
	tests := []struct {
		name   string
		create func(*session.NewGrant)
		bound  bool
		jkt    string
		want   error
	}{
		{"its key", keyed(thumb), false, thumb, nil},
		{"no key", keyed(thumb), false, "", session.ErrKey},
		{"another key", keyed(thumb), false, other, session.ErrKey},
		{"a secret and no key", keyed(thumb), true, "", session.ErrKey},
		{"a secret and its key", keyed(thumb), true, thumb, nil},
		{"a key that is not required", nil, false, thumb, nil},
		{"a key instead of the secret", bound, false, thumb, session.ErrEnded},
		{"a key beside the secret", bound, true, thumb, nil},
		{"another key beside the secret", func(n *session.NewGrant) { n.Bound, n.JKT = true, thumb }, true, other, nil},
		{"the word for a secret as a key", bound, false, "secret", session.ErrEnded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := sessiontest.New(t)
			g := b.Grant(b.User(), tt.create)
			for _, again := range []bool{false, true} {
				got, _, err := b.Refresh(g, 1, func(r *session.RefreshRequest) { r.Bound, r.JKT = tt.bound, tt.jkt })
				if !errors.Is(err, tt.want) || err == nil && got.Generation != 2 {
					t.Errorf("Refresh (again %v) = %+v, %v, want %v", again, got, err, tt.want)
				}
			}
			read := must(b.Store.Grant(t.Context(), g.Subject, g.ID))
			if tt.want != nil && read.Generation != 1 || read.JKT != g.JKT || read.Bound != g.Bound {
				t.Errorf("afterwards the grant is %+v, want it as it was", read)
			}
		})
	}
}

// A client that proves its key may repeat a refresh until the next token is used,
// regardless of the grace. A later copy ends the grant only with the right key.
func TestGraceOfAKey(t *testing.T) {
	b := sessiontest.New(t)
	g := b.Grant(b.User(), keyed(thumb))
	with := func(jkt string) func(*session.RefreshRequest) {
		return func(r *session.RefreshRequest) { r.JKT, r.Grace = jkt, 0 }
	}
	if _, outcome, err := b.Refresh(g, 1, with(thumb)); outcome != session.Rotated {
		t.Fatalf("Refresh = %v, %v, want rotated", outcome, err)
	}
	b.Clock.Turn(time.Hour)
	if _, outcome, err := b.Refresh(g, 1, with(thumb)); outcome != session.Replayed {
		t.Errorf("Refresh an hour later = %v, %v, want replayed", outcome, err)
	}
	if _, outcome, err := b.Refresh(g, 2, with(thumb)); outcome != session.Rotated {
		t.Errorf("Refresh with the next = %v, %v, want rotated", outcome, err)
	}
	if _, _, err := b.Refresh(g, 1, with(other)); !errors.Is(err, session.ErrKey) {
		t.Errorf("Refresh by a thief without the key = %v, want ErrKey", err)
	}
	expect(t, b, g, true)
	_, _, err := b.Refresh(g, 1, with(thumb))
	if _, reused := errors.AsType[*session.ReuseError](err); !reused {
		t.Errorf("Refresh with a spent token = %v, want a ReuseError", err)
	}
	expect(t, b, g, false)
}

// A login keeps the auth_gen of its sign-in, for the codes issued in it. A grant keeps
// whether its client asks for notices.
func TestWhatItemsRemember(t *testing.T) {
	b := sessiontest.New(t)
	subject := b.User()
	if _, err := b.EndAll(t.Context(), subject, revoked); err != nil {
		t.Fatal(err)
	}
	made, cookie := must2(b.CreateLogin(t.Context(), session.NewLogin{Subject: subject, AuthGen: 1}))
	if l := must(b.LoginByCookie(t.Context(), cookie)); made.AuthGen != 1 || l.AuthGen != 1 {
		t.Errorf("AuthGen of the login = %d, read %d, want 1", made.AuthGen, l.AuthGen)
	}
	g := b.Grant(subject, func(n *session.NewGrant) { n.AuthGen, n.Notify = 1, true })
	if read := must(b.Store.Grant(t.Context(), subject, g.ID)); !g.Notify || !read.Notify {
		t.Errorf("Notify of the grant = %v, read %v, want true", g.Notify, read.Notify)
	}
	for _, i := range must(b.List(t.Context(), subject)) {
		if i.Notify != (i.Kind == session.KindGrant) {
			t.Errorf("item %+v, want Notify for the grant only", i)
		}
	}
}
