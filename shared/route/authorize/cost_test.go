package authorize_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// most is the limit of calls to AWS for a code, with a session and a stored consent, in
// a process that has the client in its cache.
const most = 3

// TestCalls counts the calls to AWS of each way to a code.
func TestCalls(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	s.let(b.Post("/authorize", choose(s.asked(get(b, request(others))), "allow")))
	s.rebuild()
	b.Route = s.route
	// know makes the process know what it reads of the registry.
	know := func() { get(s.nobody(), request(others)); get(s.nobody(), request(own)) }
	for _, tt := range []struct {
		name          string
		q             func() url.Values
		calls, writes int64
	}{
		{"somebody else's, the first of a process: client, resource, login, consent", func() url.Values { return request(others) }, 4, 0},
		{"somebody else's: login, consent", func() url.Values { return request(others) }, 2, 0},
		{"without asking", func() url.Values { return request(others, "prompt", "none") }, 2, 0},
		{"with a form", func() url.Values { return request(others, "response_mode", "form_post") }, 2, 0},
		{"once a minute the use is noted", func() url.Values { s.Pass(61 * time.Second); know(); return request(others) }, 3, 1},
		{"the operator's own: login", func() url.Values { know(); return request(own) }, 1, 0},
		{"pushed: opened, login, used", func() url.Values { know(); return s.push(request(own)) }, 3, 1},
		{"somebody else's, pushed", func() url.Values { know(); return s.push(request(others)) }, 4, 1},
	} {
		q := tt.q()
		s.wire.reset()
		got := get(b, q)
		if !strings.Contains(got.Header.Get("Location"), "code=") && !strings.Contains(got.Body, `name="code"`) {
			t.Fatalf("%s: answer = %d %s, want a code", tt.name, got.Status, got.Body)
		}
		if calls, writes := s.wire.calls.Load(), s.wire.writes.Load(); calls != tt.calls || writes != tt.writes {
			t.Errorf("%s: %d calls, %d of them writes; want %d and %d", tt.name, calls, writes, tt.calls, tt.writes)
		}
	}
	s.Pass(2 * time.Minute)
	know()
	s.wire.reset()
	s.let(get(b, request(others)))
	if calls := s.wire.calls.Load(); calls > most {
		t.Errorf("a remembered consent costs %d calls, want at most %d", calls, most)
	}
	s.wire.reset()
	s.way(get(s.nobody(), request(own)))
	isPage(t, "foreign address", get(s.nobody(), request(own, "redirect_uri", "https://evil.test")), 400)
	if calls := s.wire.calls.Load(); calls != 0 {
		t.Errorf("who is not signed in costs %d calls, want none for a known client", calls)
	}
}
