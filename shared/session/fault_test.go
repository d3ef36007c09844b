package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// first gives a fault to the first n calls of an operation.
func first(n int32, operation string, f sessiontest.Fault) func(sessiontest.Call) sessiontest.Fault {
	var seen atomic.Int32
	return func(c sessiontest.Call) sessiontest.Fault {
		if c.Operation == operation && seen.Add(1) <= n {
			return f
		}
		return sessiontest.Fault{}
	}
}

// When a response is lost, the SDK repeats the write and finds its own result. That is
// a success for every grace.
func TestRefreshUnderFaults(t *testing.T) {
	const always = 1000
	none := func(r *session.RefreshRequest) { r.Grace = 0 }
	tests := []struct {
		name  string
		fault func(sessiontest.Call) sessiontest.Fault
		calls int
		// fails is true if the refresh fails, and busy if the error is ErrBusy.
		fails, busy bool
	}{
		{name: "nothing", calls: 1},
		{name: "answer lost", fault: first(1, "UpdateItem", sessiontest.Fault{Drop: true}), calls: 2},
		{name: "two answers lost", fault: first(2, "UpdateItem", sessiontest.Fault{Drop: true}), calls: 3},
		{name: "every answer lost", fault: first(always, "UpdateItem", sessiontest.Fault{Drop: true}), calls: 3, fails: true},
		{name: "served twice", fault: first(1, "UpdateItem", sessiontest.Fault{Twice: true}), calls: 1},
		{name: "throttled", fault: first(2, "UpdateItem", sessiontest.Fault{Error: "ProvisionedThroughputExceededException"}), calls: 3},
		{name: "throttled for good", fault: first(always, "UpdateItem", sessiontest.Fault{Error: "ProvisionedThroughputExceededException"}), calls: 3, fails: true},
		{name: "meets a transaction", fault: first(3, "UpdateItem", sessiontest.Fault{Error: "TransactionConflictException"}), calls: 4},
		{name: "always meets one", fault: first(always, "UpdateItem", sessiontest.Fault{Error: "TransactionConflictException"}), calls: 6, fails: true, busy: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := sessiontest.New(t)
			g := b.Grant(b.User(), nil)
			b.Wire.Inject(tt.fault)
			var got *session.Grant
			var outcome session.Outcome
			var err error
			start := time.Now()
			calls := b.Wire.Count(func() { got, outcome, err = b.Refresh(g, 1, none) })
			if took := time.Since(start); took > 1500*time.Millisecond {
				t.Errorf("Refresh took %v, want at most 1.5 s", took)
			}
			if len(calls.Calls) != tt.calls {
				t.Errorf("Refresh took %v, want %d calls", calls, tt.calls)
			}
			b.Wire.Inject(nil)
			if !tt.fails {
				if err != nil || outcome != session.Rotated || got.Generation != 2 {
					t.Errorf("Refresh = %+v, %q, %v, want generation 2, rotated", got, outcome, err)
				}
				return
			}
			_, reused := errors.AsType[*session.ReuseError](err)
			if err == nil || reused || errors.Is(err, session.ErrEnded) || errors.Is(err, dynamo.ErrBusy) != tt.busy {
				t.Errorf("Refresh = %v, want an error that is not final", err)
			}
			// A repetition succeeds whether or not the write was made.
			if got, _, err := b.Refresh(g, 1, nil); err != nil || got.Generation != 2 {
				t.Errorf("Refresh afterwards = %+v, %v, want generation 2", got, err)
			}
		})
	}
}

// A transaction with a lost response or a conflict is written once, with its audit
// entry.
func TestTransactionsUnderFaults(t *testing.T) {
	faults := map[string]func(sessiontest.Call) sessiontest.Fault{
		"answer lost": first(1, "TransactWriteItems", sessiontest.Fault{Drop: true}),
		"conflict":    first(2, "TransactWriteItems", sessiontest.Fault{Error: "TransactionConflict"}),
		"throttled":   first(2, "TransactWriteItems", sessiontest.Fault{Error: "ThrottlingError"}),
	}
	for name, fault := range faults {
		for _, do := range []string{"create", "end", "end all"} {
			t.Run(do+" "+name, func(t *testing.T) {
				b := sessiontest.New(t)
				g := b.Grant(b.User(), nil)
				b.Wire.Inject(fault)
				var err error
				items := 0
				switch do {
				case "create":
					_, _, err = b.CreateLogin(t.Context(), session.NewLogin{Subject: g.Subject})
					items = 2
				case "end":
					err = b.End(t.Context(), g.Subject, g.ID, revoked)
				case "end all":
					_, err = b.EndAll(t.Context(), g.Subject, revoked)
				}
				if err != nil {
					t.Errorf("the operation = %v, want success", err)
				}
				if entries := b.Entries(g.Subject); len(entries) != 2 {
					t.Errorf("entries = %v, want the creation of the grant and one more", entries)
				}
				if live := must(b.List(t.Context(), g.Subject)); len(live) != items {
					t.Errorf("%d items are live, want %d", len(live), items)
				}
			})
		}
	}
}

// When the audit entry cannot be written, nothing changes, and the next attempt detects
// a reuse again.
func TestNoChangeWithoutEntry(t *testing.T) {
	b := sessiontest.New(t)
	g := b.Grant(b.User(), nil)
	refreshed(1)(b, g)
	refreshed(2)(b, g)
	before := len(b.Entries(g.Subject))
	b.Wire.Inject(first(1000, "TransactWriteItems", sessiontest.Fault{Error: "ValidationError"}))
	_, outcome, err := b.Refresh(g, 1, nil)
	if _, reused := errors.AsType[*session.ReuseError](err); err == nil || reused || errors.Is(err, session.ErrEnded) {
		t.Errorf("Refresh = %q, %v, want an error that is not final", outcome, err)
	}
	if err := b.End(t.Context(), g.Subject, g.ID, revoked); err == nil {
		t.Error("End = nil, want an error")
	}
	if _, err := b.EndAll(t.Context(), g.Subject, revoked); err == nil {
		t.Error("EndAll = nil, want an error")
	}
	if _, cookie, err := b.CreateLogin(t.Context(), session.NewLogin{Subject: g.Subject}); err == nil || cookie != "" {
		t.Errorf("CreateLogin = %v with a cookie %v, want an error and none", err, cookie != "")
	}
	b.Wire.Inject(nil)
	expect(t, b, g, true)
	if items := must(b.List(t.Context(), g.Subject)); len(items) != 1 || len(b.Entries(g.Subject)) != before {
		t.Errorf("%d items and %d entries, want 1 and %d", len(items), len(b.Entries(g.Subject)), before)
	}
	if _, _, err := b.Refresh(g, 1, nil); err == nil || !strings.Contains(err.Error(), "was used again") {
		t.Errorf("Refresh = %v, want the reuse", err)
	}
	expect(t, b, g, false)
}

// The wait for a conflicting transaction ends with its context.
func TestConflictStopsWithItsContext(t *testing.T) {
	b := sessiontest.New(t)
	g := b.Grant(b.User(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	b.Wire.Inject(func(sessiontest.Call) sessiontest.Fault {
		cancel()
		return sessiontest.Fault{Error: "TransactionConflictException"}
	})
	_, _, err := b.Store.Refresh(ctx, session.RefreshRequest{
		Handle: session.Handle{Subject: g.Subject, Grant: g.ID, Generation: 1}, Client: "app", Idle: time.Hour,
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Refresh = %v, want context.Canceled", err)
	}
}

// No table holds a credential, neither as text nor as the bytes that the text encodes.
func TestTablesHoldNoSecret(t *testing.T) {
	b := sessiontest.New(t)
	f := newFamily(b)
	token, next := b.Token(f.phone, 1), b.Token(f.phone, 2)
	refreshed(1)(b, f.phone)
	refreshed(2)(b, f.phone)
	if _, _, err := b.Refresh(f.phone, 1, nil); err == nil {
		t.Error("the reuse went through")
	}
	must(b.EndAll(t.Context(), f.subject, revoked))
	secrets := []string{token, next, f.cookie}
	for _, s := range secrets[:3] {
		secrets = append(secrets, s[4:40], s[len(s)-46:len(s)-6])
	}
	scanned := 0
	for _, table := range []string{b.Sessions, b.Registry, b.Trail.Table} {
		out := must(b.Raw.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table}))
		for _, it := range out.Items {
			scanned++
			text := ""
			for name, v := range it {
				text += fmt.Sprintf("%s=%v ", name, plain(v))
			}
			for _, s := range secrets {
				if strings.Contains(text, s) {
					t.Errorf("table %s holds %q in %s", table, s, text)
				}
			}
		}
	}
	if scanned < 15 {
		t.Errorf("scanned %d items, want the whole family and its trail", scanned)
	}
}
