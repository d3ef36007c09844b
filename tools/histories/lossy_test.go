package histories_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

var refreshes = flag.Int("refreshes", 600, "how many refreshes the clients make that lose a third of the answers")

// holder holds a refresh token: the client, or a thief with a copy.
type holder struct {
	b     *sessiontest.Bench
	token string
	bound bool
	// loses is the part of the answers that do not arrive.
	loses float64
}

// refresh presents the token until an answer arrives, and keeps the next one. It
// asks again after 2 s.
func (h *holder) refresh() error {
	ctx := context.Background()
	for {
		t, err := h.b.Handles.Parse(ctx, h.token)
		if err != nil {
			return err
		}
		_, _, err = h.b.Store.Refresh(ctx, session.RefreshRequest{
			Handle: t, Client: "app", Bound: h.bound, Idle: 24 * time.Hour, Grace: 30 * time.Second,
		})
		if rand.Float64() < h.loses {
			h.b.Clock.Turn(2 * time.Second)
			continue
		}
		if err == nil {
			h.token, err = h.b.Handles.Next(ctx, t)
		}
		return err
	}
}

func newHolder(b *sessiontest.Bench, subject string, bound bool) (*holder, *session.Grant) {
	g := b.Grant(subject, func(n *session.NewGrant) { n.Bound = bound; n.Absolute = session.MaxLife })
	return &holder{b: b, token: b.Token(g, 1), bound: bound, loses: 1.0 / 3}, g
}

// Clients are never logged out, although they lose a third of the answers and the
// server loses a tenth of the answers of the database.
func TestLossyClients(t *testing.T) {
	b := sessiontest.New(t)
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault { return sessiontest.Fault{Drop: rand.N(10) == 0} })
	subject := b.User()
	out, steps := 0, 0
	for client := range 6 {
		h, _ := newHolder(b, subject, client%2 == 0)
		for range *refreshes / 6 {
			steps++
			err := h.refresh()
			for try := 0; err != nil && try < 3 && !final(err); try++ {
				err = h.refresh() // the server reported an error, so the client repeats
			}
			if err != nil {
				out++
				t.Errorf("client %d was logged out: %v", client, err)
				break
			}
			b.Clock.Turn(time.Duration(rand.N(300)) * time.Second)
		}
	}
	t.Logf("%d refreshes with a third of the answers lost: %d logged out", steps, out)
}

func final(err error) bool {
	_, reused := errors.AsType[*session.ReuseError](err)
	return reused || errors.Is(err, session.ErrEnded) || errors.Is(err, session.ErrForged)
}

// The second use of a copied token outside the window is detected, by the thief or by
// the owner, and ends the grant for both.
func TestThieves(t *testing.T) {
	const late = 31 * time.Second
	thefts := map[string]func(owner, thief *holder) (caught, other *holder){
		"the owner was first": func(owner, thief *holder) (*holder, *holder) {
			_ = owner.refresh()
			owner.b.Clock.Turn(late)
			return thief, owner
		},
		"the thief was first": func(owner, thief *holder) (*holder, *holder) {
			_ = thief.refresh()
			owner.b.Clock.Turn(late)
			return owner, thief
		},
		// Inside the window the thief gets the same successor, and then one
		// of the two uses it first.
		"the thief came at once": func(owner, thief *holder) (*holder, *holder) {
			_, _ = owner.refresh(), thief.refresh()
			owner.b.Clock.Turn(5 * time.Minute)
			_ = owner.refresh()
			owner.b.Clock.Turn(late)
			return thief, owner
		},
	}
	for name, steal := range thefts {
		t.Run(name, func(t *testing.T) {
			b := sessiontest.New(t)
			trials := max(1, *refreshes/20)
			for range trials {
				subject := b.User()
				owner, g := newHolder(b, subject, false)
				for range rand.N(4) {
					if err := owner.refresh(); err != nil {
						t.Fatal(err)
					}
				}
				thief := &holder{b: b, token: owner.token}
				caught, other := steal(owner, thief)
				caught.loses = 0
				if _, reused := errors.AsType[*session.ReuseError](caught.refresh()); !reused {
					t.Error("the second use outside the window was not noticed")
				}
				if err := other.refresh(); !errors.Is(err, session.ErrEnded) {
					t.Errorf("the other one's refresh = %v, want ErrEnded", err)
				}
				want := sessiontest.Entry{Action: "grant.end", Object: "grant#" + g.ID, Why: session.Reused}
				if entries := b.Entries(subject); len(entries) != 2 || entries[1] != want {
					t.Errorf("entries = %v, want the creation and %v", entries, want)
				}
			}
			t.Logf("%d thefts", trials)
		})
	}
}
