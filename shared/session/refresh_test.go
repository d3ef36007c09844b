package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

func TestRefreshMovesTheGrantOn(t *testing.T) {
	b := sessiontest.New(t)
	g := b.Grant(b.User(), nil)
	b.Clock.Turn(time.Hour)
	phone := session.NewClientInfo("[2001:db8:7:8::9]:443", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Safari/604.1")
	got, outcome, err := b.Refresh(g, 1, func(r *session.RefreshRequest) { r.ClientInfo = phone })
	if err != nil || outcome != session.Rotated {
		t.Fatalf("Refresh = %v, %v, want %v", outcome, err, session.Rotated)
	}
	now := b.Clock.Now()
	if got.Generation != 2 || !got.Used.Equal(now) || !got.Idle.Equal(now.Truncate(time.Second).Add(24*time.Hour)) || got.ClientInfo != phone {
		t.Errorf("after the refresh the grant is %+v, want generation 2, used now, idle in a day, from the phone", got)
	}
	if got.Scope != g.Scope || got.Audience[0] != g.Audience[0] || !got.AuthTime.Equal(g.AuthTime) || got.AMR[0] != "pwd" ||
		!got.Absolute.Equal(g.Absolute) || !got.Created.Equal(g.Created) || got.Client != "app" {
		t.Errorf("the refresh changed what it must not: %+v, was %+v", got, g)
	}
	read, err := b.Store.Grant(context.Background(), g.Subject, g.ID)
	if err != nil || read.Generation != 2 || read.ClientInfo != phone {
		t.Errorf("Grant = %+v, %v, want what Refresh returned", read, err)
	}
	if entries := b.Entries(g.Subject); len(entries) != 1 {
		t.Errorf("entries = %v, want that of the creation only: a refresh is a log line", entries)
	}
}

// Each failure of the condition has one meaning. Every case refreshes generation 1 once
// at noon, then makes its request.
func TestRefreshRule(t *testing.T) {
	type request = session.RefreshRequest
	tests := []struct {
		name       string
		create     func(*session.NewGrant)
		before     func(*sessiontest.Bench, *session.Grant)
		after      time.Duration
		generation uint32
		change     func(*request)
		want       session.Outcome
		reused     bool
		// dead is true if the grant has ended after the request.
		dead bool
	}{
		{name: "the next", generation: 2, want: session.Rotated},
		{name: "the same at once", generation: 1, want: session.Replayed},
		{name: "the same inside the grace", after: 30*time.Second - time.Millisecond, generation: 1, want: session.Replayed},
		{name: "the same at the end of the grace", after: 30 * time.Second, generation: 1, reused: true, dead: true},
		{name: "the same long after", after: 10 * time.Hour, generation: 1, reused: true, dead: true},
		{name: "the one before, inside the grace", before: refreshed(2), generation: 1, reused: true, dead: true},
		{name: "no grace", generation: 1, change: func(r *request) { r.Grace = 0 }, reused: true, dead: true},
		{
			name: "a grace below a second", after: 400 * time.Millisecond, generation: 1,
			change: func(r *request) { r.Grace = 500 * time.Millisecond }, want: session.Replayed,
		},
		{
			name: "after a grace below a second", after: 600 * time.Millisecond, generation: 1,
			change: func(r *request) { r.Grace = 500 * time.Millisecond }, reused: true, dead: true,
		},
		{
			name: "a grace above the longest", after: time.Minute, generation: 1,
			change: func(r *request) { r.Grace = time.Hour }, reused: true, dead: true,
		},
		{name: "a clock that is behind", after: -3 * time.Second, generation: 1, want: session.Replayed},
		{name: "bound, long after", create: bound, after: 10 * time.Hour, generation: 1, change: proved, want: session.Replayed},
		{name: "bound, the successor used", create: bound, before: refreshed(2), generation: 1, change: proved, reused: true, dead: true},
		{name: "bound, nothing proved", create: bound, generation: 2},
		{name: "bound, nothing proved, old", create: bound, before: refreshed(2), generation: 1},
		{name: "another client", generation: 2, change: func(r *request) { r.Client = "thief" }},
		{name: "another client, old", before: refreshed(2), generation: 1, change: func(r *request) { r.Client = "thief" }},
		{name: "a generation to come", generation: 7},
		{name: "ended", before: end, generation: 2, dead: true},
		{name: "ended, the same", before: end, generation: 1, dead: true},
		{name: "ended, an old one", before: func(b *sessiontest.Bench, g *session.Grant) { refreshed(2)(b, g); end(b, g) }, generation: 1, dead: true},
		{name: "idle for too long", after: 24 * time.Hour, generation: 2, dead: true},
		{
			name: "at the end of its life", create: func(n *session.NewGrant) { n.Absolute = time.Hour },
			after: time.Hour, generation: 2, dead: true,
		},
		{name: "absent", generation: 1, change: func(r *request) { r.Handle.Grant = "01ARZ3NDEKTSV4RRFFQ69G5FAV" }},
		{name: "of another subject", generation: 2, change: func(r *request) { r.Handle.Subject = "usr_01ARZ3NDEKTSV4RRFFQ69G5FAV" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := sessiontest.New(t)
			g := b.Grant(b.User(), tt.create)
			refreshed(1)(b, g)
			if tt.before != nil {
				tt.before(b, g)
			}
			b.Clock.Turn(tt.after)
			before := len(b.Entries(g.Subject))
			got, outcome, err := b.Refresh(g, tt.generation, tt.change)
			reuse, reused := errors.AsType[*session.ReuseError](err)
			if outcome != tt.want || reused != tt.reused || (tt.want == "" && !tt.reused) != errors.Is(err, session.ErrEnded) {
				t.Errorf("Refresh(generation %d) = %q, %v, want %q, reused %v", tt.generation, outcome, err, tt.want, tt.reused)
			}
			if tt.want != "" && got.Generation != tt.generation+1 {
				t.Errorf("Refresh(generation %d) leads to generation %d, want the one after", tt.generation, got.Generation)
			}
			if reused && *reuse != (session.ReuseError{Subject: g.Subject, Grant: g.ID, Generation: tt.generation}) {
				t.Errorf("ReuseError = %+v, want the grant and generation %d", reuse, tt.generation)
			}
			expect(t, b, g, !tt.dead)
			written := b.Entries(g.Subject)[before:]
			if want := map[bool]int{true: 1}[tt.reused]; len(written) != want {
				t.Errorf("the request left the entries %v, want %d", written, want)
			}
			if tt.reused && written[0] != (sessiontest.Entry{Action: "grant.end", Object: "grant#" + g.ID, Why: "reused"}) {
				t.Errorf("the reuse left the entry %v", written[0])
			}
		})
	}
}
