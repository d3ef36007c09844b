package registry_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/tools/registry"
)

func hexOf(s client.Secret) string { return hex.EncodeToString(s.SHA256[:]) }

// faulty returns the bench with a DynamoDB client that sends its requests through do.
func (b bench) faulty(do func(next aws.HTTPClient, r *http.Request) (*http.Response, error)) bench {
	store := *b.Store
	store.DB = dynamodb.New(b.DB.Options(), func(o *dynamodb.Options) {
		next := o.HTTPClient
		o.HTTPClient = doer(func(r *http.Request) (*http.Response, error) { return do(next, r) })
		o.RetryMaxAttempts = 1
	})
	return bench{t: b.t, Store: &store}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func operation(r *http.Request) string {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return op
}

// Of two applies of one plan one writes every entry, and the other fails with
// ErrChanged.
func TestApplyAtOnce(t *testing.T) {
	b := newBench(t)
	b.apply("clients: [{id: a}, {id: b}]", false)
	for round := range 10 {
		file := fmt.Sprintf("clients: [{id: a, name: Round %d}, {id: new%d}]\nusers: [{user_name: u%d}]", round, round, round)
		plans := []*registry.Plan{b.plan(file, false), b.plan(file, false)}
		errs := make([]error, len(plans))
		secrets := make([][]string, len(plans))
		var wg sync.WaitGroup
		for i, p := range plans {
			wg.Go(func() {
				errs[i] = b.Apply(t.Context(), p, func(a registry.Applied) {
					if a.Secret != "" {
						secrets[i] = append(secrets[i], a.Secret)
					}
				})
			})
		}
		wg.Wait()
		winner, loser := errs[0], errs[1]
		if winner != nil {
			winner, loser = loser, winner
		}
		if winner != nil || !errors.Is(loser, registry.ErrChanged) {
			t.Fatalf("round %d: two applies = %v and %v, want one nil and one ErrChanged", round, errs[0], errs[1])
		}
		if n := len(secrets[0]) + len(secrets[1]); n != 1 {
			t.Errorf("round %d: %d secrets were handed out for one new client", round, n)
		}
		if plan := b.plan(file, false); len(plan.Pending()) != 0 {
			t.Errorf("round %d: plan after both =\n%s, want nothing", round, plan)
		}
	}
	if n := len(b.trail()); n != 2+10*3 {
		t.Errorf("trail has %d entries, want %d: one for each change that happened", n, 2+10*3)
	}
}

// A failure in the middle stops the apply and reports how far it came. The secrets
// before it have been handed over.
func TestApplyStopsAtFailure(t *testing.T) {
	b := newBench(t)
	writes := 0
	f := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		if operation(r) == "TransactWriteItems" {
			if writes++; writes == 2 {
				return &http.Response{
					StatusCode: http.StatusBadRequest,
					Header:     http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
					Body:       io.NopCloser(strings.NewReader(`{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}`)),
				}, nil
			}
		}
		return next.Do(r)
	})
	var done []registry.Applied
	err := f.Apply(t.Context(), f.plan("clients: [{id: a}, {id: b}, {id: c}]", false), func(a registry.Applied) { done = append(done, a) })
	failed, ok := errors.AsType[*registry.ApplyError](err)
	if !ok || len(failed.Applied) != 1 || failed.Failed.ID != "b" || len(failed.Left) != 1 {
		t.Fatalf("Apply = %v, want an ApplyError at b after a and before c", err)
	}
	const says = "(applied before it: create client a; not applied: create client b, create client c)"
	if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "tss_") {
		t.Errorf("Apply = %q, want it to say %q", err, says)
	}
	if len(done) != 1 || b.authenticate("a", done[0].Secret) != nil {
		t.Errorf("done = %+v, want the secret of a, and that it works", done)
	}
	if n := len(b.trail()); n != 1 {
		t.Errorf("trail has %d entries, want 1", n)
	}
}

// When the answer to a write is lost, the audit entry shows that it was applied: the
// apply goes on and the secret is not lost.
func TestApplyLostAnswer(t *testing.T) {
	b := newBench(t)
	f := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		resp, err := next.Do(r)
		if operation(r) == "TransactWriteItems" && err == nil {
			resp.Body.Close()
			return nil, io.ErrUnexpectedEOF
		}
		return resp, err
	})
	secrets := f.apply("clients: [{id: a}, {id: b}]", false)
	for _, id := range []string{"a", "b"} {
		if err := b.authenticate(id, secrets[id]); err != nil {
			t.Errorf("secret of %s after a lost answer: %v", id, err)
		}
	}
}

// When the trail cannot be read either, the secret is handed over as uncertain.
func TestApplyUnknownOutcome(t *testing.T) {
	b := newBench(t)
	f := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		if op := operation(r); op == "TransactWriteItems" {
			resp, err := next.Do(r)
			if err == nil {
				resp.Body.Close()
			}
			return nil, io.ErrUnexpectedEOF
		} else if op == "GetItem" {
			return nil, io.ErrUnexpectedEOF
		}
		return next.Do(r)
	})
	var done []registry.Applied
	err := f.Apply(t.Context(), f.plan("clients: [{id: a}, {id: b}]", false), func(a registry.Applied) { done = append(done, a) })
	if err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("Apply = %v, want that the outcome is unknown", err)
	}
	if len(done) != 1 || !done[0].Unknown || b.authenticate("a", done[0].Secret) != nil {
		t.Errorf("done = %+v, want one uncertain secret, which works", done)
	}
}

// Ctrl-C during a write does not lose the secret that it made.
func TestApplyInterrupted(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		if operation(r) != "TransactWriteItems" {
			return next.Do(r)
		}
		resp, err := next.Do(r.WithContext(context.WithoutCancel(r.Context())))
		if err == nil {
			resp.Body.Close()
		}
		cancel()
		return nil, context.Canceled
	})
	plan := f.plan("clients: [{id: a}, {id: b}]", false)
	var done []registry.Applied
	err := f.Apply(ctx, plan, func(a registry.Applied) { done = append(done, a) })
	failed, ok := errors.AsType[*registry.ApplyError](err)
	if !ok || failed.Failed.ID != "b" {
		t.Errorf("interrupted Apply = %v, want an ApplyError at b", err)
	}
	if len(done) == 0 || done[0].Unknown || b.authenticate("a", done[0].Secret) != nil {
		t.Errorf("done = %+v, want the secret of a, and that it works", done)
	}
}

// No table keeps a secret that was handed out.
func TestTablesKeepNoSecret(t *testing.T) {
	b := newBench(t)
	secrets := b.apply("clients: [{id: a}, {id: b}]", false)
	dump := fmt.Sprintf("%#v", [2]any{deep(b.scan(b.Table)), deep(b.scan(b.Trail.Table))})
	for id, secret := range secrets {
		if strings.Contains(dump, secret) || strings.Contains(dump, secret[4:40]) {
			t.Errorf("the secret of %s stands in a table", id)
		}
	}
	if !strings.Contains(dump, "client#a") {
		t.Errorf("the dump %.200s does not show the items", dump)
	}
}
