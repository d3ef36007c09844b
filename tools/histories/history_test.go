package histories_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

var histories = flag.Int("histories", 300, "how many histories of one grant are played and judged")

// play is one history in the making.
type play struct {
	b     *sessiontest.Bench
	grant *session.Grant
	bound bool
	rules rules
	// replays and ends choose whether clients present old tokens, and whether the
	// grant is ended.
	replays, ends bool

	time    atomic.Int64
	reached atomic.Uint32
}

const workers, asks = 4, 5

// history plays and returns a history. The answers of the database are lost,
// doubled or refused with the given probability.
func history(b *sessiontest.Bench, faults float64, mutant func(sessiontest.Call) []byte) ([]porcupine.Operation, *play) {
	p := &play{b: b, bound: rand.N(3) == 0, replays: rand.N(3) == 0, ends: rand.N(2) == 0}
	p.rules.grace = p.bound || rand.N(4) > 0
	b.Wire.Inject(nil)
	subject := b.User()
	login, _ := must2(b.CreateLogin(context.Background(), session.NewLogin{Subject: subject}))
	p.grant = b.Grant(subject, func(n *session.NewGrant) { n.Login, n.Bound = login.ID, p.bound })
	p.reached.Store(1)
	b.Wire.Inject(func(c sessiontest.Call) sessiontest.Fault {
		f := trouble(c, faults)
		if mutant != nil && c.Operation == "UpdateItem" {
			f.Body = mutant(c)
		}
		return f
	})
	all := make([][]porcupine.Operation, workers)
	sessiontest.Parallel(workers, func(i int) {
		for range asks {
			o := p.once(i)
			all[i] = append(all[i], o)
			if faults > 0 && refused(o) {
				// Its first try may have been served.
				o.Input, o.Output = ask{what: "lost", generation: o.Input.(ask).generation}, unknown
				all[i] = append(all[i], o)
			}
		}
	})
	return slices.Concat(all...), p
}

// trouble chooses the fault of a call.
func trouble(c sessiontest.Call, probability float64) sessiontest.Fault {
	if rand.Float64() >= probability {
		return sessiontest.Fault{}
	}
	conflict, throttled := "TransactionConflictException", "ProvisionedThroughputExceededException"
	if c.Operation == "TransactWriteItems" {
		conflict, throttled = "TransactionConflict", "ThrottlingError"
	}
	return []sessiontest.Fault{{Drop: true}, {Drop: true}, {Twice: true}, {Error: conflict}, {Error: throttled}}[rand.N(5)]
}

func (p *play) once(worker int) porcupine.Operation {
	a := p.next()
	o := porcupine.Operation{ClientId: worker, Input: a, Call: p.time.Add(1)}
	got := p.ask(a)
	o.Output, o.Return = got, p.time.Add(1)
	if got == unknown {
		o.Return = math.MaxInt64 // it may still happen at any time
	}
	return o
}

func (p *play) next() ask {
	if p.ends && rand.N(12) == 0 {
		return ask{what: []string{"end", "logout"}[rand.N(2)]}
	}
	if rand.N(4) == 0 {
		return ask{what: "read"}
	}
	generation := p.reached.Load()
	if p.replays && generation > 1 && rand.N(4) == 0 {
		generation -= 1 + uint32(rand.N(min(2, int(generation)-1)))
	}
	return ask{what: "refresh", generation: generation}
}

func (p *play) ask(a ask) told {
	ctx := context.Background()
	var g *session.Grant
	var err error
	switch a.what {
	case "read":
		g, err = p.b.Store.Grant(ctx, p.grant.Subject, p.grant.ID)
	case "end":
		err = p.b.End(ctx, p.grant.Subject, p.grant.ID, revoked)
	case "logout":
		_, err = p.b.EndLogin(ctx, p.grant.Subject, p.grant.Login, session.Cause{Why: session.LoggedOut})
	case "refresh":
		g, _, err = p.b.Refresh(p.grant, a.generation, func(r *session.RefreshRequest) {
			r.Bound = p.bound
			if !p.rules.grace {
				r.Grace = 0
			}
		})
	}
	if _, reused := errors.AsType[*session.ReuseError](err); reused {
		return told{how: "reused"}
	}
	switch {
	case errors.Is(err, session.ErrEnded):
		return told{how: "ended"}
	case err != nil:
		return unknown
	case g == nil:
		return told{how: "ok"}
	}
	for {
		reached := p.reached.Load()
		if a.what == "read" || g.Generation <= reached || p.reached.CompareAndSwap(reached, g.Generation) {
			return told{how: "ok", generation: g.Generation}
		}
	}
}

// trail returns what is wrong with the audit entries of a history, "" if nothing is.
// A live grant has no entry of an end. A grant that has ended has one entry of its
// own end, one of the login with which it ended, or both when it ended before its
// login.
func (p *play) trail() string {
	p.b.Wire.Inject(nil)
	_, err := p.b.Store.Grant(context.Background(), p.grant.Subject, p.grant.ID)
	ends := map[string]int{}
	for _, e := range p.b.Entries(p.grant.Subject) {
		ends[e.Action]++
	}
	grants, logins := ends["grant.end"], ends["login.end"]
	if live := err == nil; live != (grants+logins == 0) || grants > 1 || logins > 1 {
		return fmt.Sprintf("the grant is live %v with the entries %v", live, ends)
	}
	return ""
}

// Every history of parallel refreshes, reads, revocations and logouts is
// linearizable: no refresh forks a grant, no refresh revives an ended grant, and
// every answer was true.
func TestHistories(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	// Several at once, since a history spends its time waiting.
	benches := make([]*sessiontest.Bench, 4)
	for i := range benches {
		benches[i] = sessiontest.New(t)
	}
	sessiontest.Parallel(len(benches), func(bench int) {
		for i := bench; i < *histories && !t.Failed(); i += len(benches) {
			ops, p := history(benches[bench], []float64{0, 0.1, 0.3}[i%3], nil)
			if wrong := judge(p.rules, ops); wrong != "" {
				t.Error(wrong)
			}
			if wrong := p.trail(); wrong != "" {
				t.Error(wrong)
			}
			mu.Lock()
			for _, o := range ops {
				if a := o.Input.(ask); a.what != "lost" {
					seen[a.what+" "+o.Output.(told).how]++
				}
			}
			mu.Unlock()
		}
	})
	t.Logf("%d histories: %v", *histories, seen)
	for _, answer := range []string{"refresh ok", "refresh ended", "refresh reused", "refresh unknown", "read ok", "read ended", "end ok", "logout ok"} {
		if seen[answer] == 0 {
			t.Errorf("no client got the answer %q: the histories are too tame", answer)
		}
	}
}

// The judge finds a broken store. Each mutant removes one part of the condition of
// the refresh on the wire, or writes too much.
func TestHistoriesCatchMutants(t *testing.T) {
	always := func(part string) [2]string {
		return [2]string{part, "(" + part + " OR " + strings.Replace(part, " = ", " <> ", 1) + ")"}
	}
	tests := map[string][][2]string{
		"no condition":              {always("#gen = :gen"), always("#state = :active")},
		"any generation":            {always("#gen = :gen")},
		"ended grants":              {always("#state = :active")},
		"a refresh brings it back":  {always("#state = :active"), {"SET #gen", "SET #state = :active, #gen"}},
		"the generation stays":      {{"#gen = :next", "#gen = if_not_exists(#gen, :next)"}},
		"the generation moves by 2": {{`":next":{"N":"`, `":next":{"N":"1`}},
	}
	for name, edits := range tests {
		t.Run(name, func(t *testing.T) {
			b := sessiontest.New(t)
			mutant := func(c sessiontest.Call) []byte {
				body := c.Body
				for _, e := range edits {
					body = bytes.ReplaceAll(body, json(e[0]), json(e[1]))
				}
				if bytes.Equal(body, c.Body) {
					t.Errorf("the mutant changes nothing in %s", body)
				}
				return body
			}
			for range *histories {
				if ops, p := history(b, 0.2, mutant); judge(p.rules, ops) != "" {
					return
				}
			}
			t.Errorf("%d histories of the mutant were found good", *histories)
		})
	}
}

// json writes a piece of an expression as it is inside a request.
func json(s string) []byte {
	return []byte(strings.NewReplacer("<", `\u003c`, ">", `\u003e`).Replace(s))
}
