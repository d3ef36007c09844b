package histories_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// A history is the parallel requests of several clients about one grant, and the
// answers. It is linearizable if there is an order of the requests that keeps every
// request behind those that had been answered before it began, and in which a grant
// that serves one request at a time would have given the same answers.

// ask is a request: "refresh" with a generation, "read", "end", or "logout". "lost"
// is a refresh that the SDK sent again because the first reply was lost.
type ask struct {
	what       string
	generation uint32
}

// told is the answer: "ok" with a generation, "ended", "reused", or "unknown" when an
// error leaves open what has happened.
type told struct {
	how        string
	generation uint32
}

var unknown = told{how: "unknown"}

// refused reports whether a refresh was answered with a final refusal.
func refused(o porcupine.Operation) bool {
	how := o.Output.(told).how
	return o.Input.(ask).what == "refresh" && (how == "ended" || how == "reused")
}

// state is a grant that serves one request at a time.
type state struct {
	generation uint32
	ended      bool
}

// rules decide what counts as reuse: a grant with a grace accepts the last token
// again.
type rules struct{ grace bool }

// step returns the states in which the grant may be after an answer, none if it
// could not have answered so.
func (r rules) step(s state, a ask, o told) []state {
	after := s
	switch a.what {
	case "read":
		if o.how == "unknown" || o.how == "ok" && !s.ended && s.generation == o.generation || o.how == "ended" && s.ended {
			return []state{s}
		}
		return nil
	case "end", "logout":
		after.ended = true
		if o.how == "ok" {
			return []state{after}
		}
	case "refresh":
		after = r.refresh(s, a.generation)
	case "lost":
		if !s.ended && s.generation == a.generation {
			after.generation++
		}
	}
	if o.how == "unknown" {
		return []state{s, after}
	}
	switch {
	case o.how == "ok" && !after.ended && o.generation == a.generation+1 && after.generation == o.generation:
		return []state{after}
	case o.how == "ended" && s.ended:
		return []state{s}
	// The answer does not tell which request found the reuse first, or whether
	// the grant ended for another reason in between.
	case o.how == "reused" && after.ended && s.generation > a.generation:
		return []state{after}
	}
	return nil
}

// refresh is the rule, for a token that was handed out.
func (r rules) refresh(s state, presented uint32) state {
	switch {
	case s.ended:
	case s.generation == presented:
		s.generation++
	case s.generation == presented+1 && r.grace:
	default:
		s.ended = true
	}
	return s
}

func (r rules) model() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{state{generation: 1}} },
		Step: func(s, a, o any) []any {
			var all []any
			for _, next := range r.step(s.(state), a.(ask), o.(told)) {
				all = append(all, next)
			}
			return all
		},
	}
	return m.ToModel()
}

// judge returns what is wrong with a history, "" if nothing is.
func judge(r rules, ops []porcupine.Operation) string {
	if porcupine.CheckOperationsTimeout(r.model(), ops, 10*time.Second) == porcupine.Ok {
		return ""
	}
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var text strings.Builder
	fmt.Fprintf(&text, "no order explains this (grace %v):", r.grace)
	for _, o := range ops {
		fmt.Fprintf(&text, "\n  client %d, %d to %d: %+v -> %+v", o.ClientId, o.Call, o.Return, o.Input, o.Output)
	}
	return text.String()
}
