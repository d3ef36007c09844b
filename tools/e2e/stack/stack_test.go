// Package stack_test tests Tipstaff under conditions that only the local stack can
// produce: time passes, keys rotate, many requests arrive at once, AWS fails, an event
// is delivered twice. It uses the clock, the IAM check and the secrets of the local
// stack, and invokes functions without the HTTP API.
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

// clock is a clock that a test can advance.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// pass lets time pass.
func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

// start starts a stack for t with a separate clock.
func start(t *testing.T) (*fixture.Stack, *clock) {
	t.Helper()
	return startWith(t, fixture.Options{})
}

// startWith is start with options.
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

// answer is a response, with the JSON object of its body.
type answer struct {
	status int
	header http.Header
	object map[string]any
}

// send sends a form with the credentials of a client. A public client sends its id in
// the form. It may run in any goroutine.
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

// post is send for the goroutine of the test.
func post(t *testing.T, s *fixture.Stack, path, id string, form url.Values) answer {
	t.Helper()
	a, err := send(t.Context(), s, path, id, form)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// orders requests a token of the orders API.
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

// active introspects a token as the orders API and reports whether it is active.
func active(t *testing.T, s *fixture.Stack, presented string) bool {
	t.Helper()
	a := post(t, s, "/introspect", fixture.OrdersServer, url.Values{"token": {presented}})
	is, ok := a.object["active"].(bool)
	if a.status != http.StatusOK || !ok {
		t.Fatalf("introspection = %d %v, want 200 with active", a.status, a.object)
	}
	return is
}
