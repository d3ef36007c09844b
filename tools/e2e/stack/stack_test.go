// Package stack_test shows what Tipstaff does when something happens around
// it: time passes, keys rotate, many ask at once, AWS fails, an event comes
// twice. It uses what only the local stack offers: its clock, its wall, its
// secrets, and functions that can be invoked past the HTTP API.
package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// clock is a clock that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// pass lets time pass.
func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

// start starts a stack for t with a clock of its own.
func start(t *testing.T) (*fixture.Stack, *clock) {
	t.Helper()
	return startWith(t, fixture.Options{})
}

// startWith is start with more to say about the stack.
func startWith(t *testing.T, o fixture.Options) (*fixture.Stack, *clock) {
	t.Helper()
	c := &clock{}
	o.Root, o.Dir, o.Now = "../../..", t.TempDir(), c.now
	s, err := fixture.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, c
}

// answer is what came, with the JSON object of the body.
type answer struct {
	status int
	header http.Header
	object map[string]any
}

// send sends a form with a client's credentials; a client without a secret says
// who it is in the form. It may run in any goroutine.
func send(ctx context.Context, s *fixture.Stack, path, id string, form url.Values) (answer, error) {
	secret := s.Secrets[id]
	if secret == "" {
		form = maps.Clone(form)
		form.Set("client_id", id)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.BaseURL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		r.SetBasicAuth(id, secret)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if err := json.NewDecoder(res.Body).Decode(&a.object); err != nil {
		return a, fmt.Errorf("POST %s = %d: %w", path, res.StatusCode, err)
	}
	return a, nil
}

// post is send for the test's own goroutine.
func post(t *testing.T, s *fixture.Stack, path, id string, form url.Values) answer {
	t.Helper()
	a, err := send(t.Context(), s, path, id, form)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// orders asks for a token of the orders API.
var orders = url.Values{"grant_type": {"client_credentials"}, "resource": {fixture.Orders}, "scope": {fixture.OrdersScope}}

// token returns a fresh token of the orders API.
func token(t *testing.T, s *fixture.Stack) string {
	t.Helper()
	a := post(t, s, "/token", fixture.Machine, orders)
	issued, _ := a.object["access_token"].(string)
	if a.status != http.StatusOK || issued == "" {
		t.Fatalf("token request = %d %v, want 200 with a token", a.status, a.object)
	}
	return issued
}

// active asks, as the orders API, whether a token is active.
func active(t *testing.T, s *fixture.Stack, presented string) bool {
	t.Helper()
	a := post(t, s, "/introspect", fixture.OrdersServer, url.Values{"token": {presented}})
	is, ok := a.object["active"].(bool)
	if a.status != http.StatusOK || !ok {
		t.Fatalf("introspection = %d %v, want 200 with active", a.status, a.object)
	}
	return is
}
