package authorize_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// push keeps a request as /par does, and returns what the browser brings.
func (s *scene) push(q url.Values) url.Values {
	s.T.Helper()
	uri, _, err := s.handler.Pushed.Push(s.T.Context(), q.Get("client_id"), q)
	if err != nil {
		s.T.Fatal(err)
	}
	return url.Values{"client_id": {q.Get("client_id")}, "request_uri": {uri}}
}

// Only the pushed parameters of a pushed request count. The code uses the request up.
func TestPushedRequest(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	brought := s.push(request(strict, "scope", "orders:read"))
	more := with(with(with(brought, "scope", "orders:write"), "redirect_uri", "https://evil.test/cb"), "state", "evil")
	fields := s.sent(get(b, more), callback)
	if c := s.opened(fields.Get("code")); c.Scope != "orders:read" || fields.Get("state") != "s t+ä&=%" {
		t.Errorf("code = %+v with %v, want what was pushed", c, fields)
	}
	isPage(t, "a second time", get(b, brought), 400)
	if err := s.handler.Pushed.Consume(t.Context(), brought.Get("request_uri")); !errors.Is(err, par.ErrUnknown) {
		t.Errorf("Consume = %v, want the request to be used", err)
	}
}

// TestRequestURIOfAnotherClient: a request_uri of another client or of none is an error
// page for the user, and no redirect.
func TestRequestURIOfAnotherClient(t *testing.T) {
	s := newScene(t)
	brought := s.push(request(strict))
	isPage(t, "another client", get(s.signedIn(), with(brought, "client_id", own)), 400)
	isPage(t, "cut", get(s.signedIn(), with(brought, "request_uri", brought.Get("request_uri")[:40])), 400)
	isPage(t, "no client", get(s.signedIn(), url.Values{"request_uri": brought["request_uri"]}), 400)
	s.let(get(s.signedIn(), brought))
	late := s.push(request(strict))
	s.Pass(par.Life)
	isPage(t, "too late", get(s.signedIn(), late), 400)
}

// A pushed request is validated at /authorize, too.
func TestPushedRequestIsJudged(t *testing.T) {
	s := newScene(t)
	isPage(t, "address", get(s.signedIn(), s.push(request(own, "redirect_uri", "https://evil.test/cb"))), 400)
	fields := s.sent(get(s.signedIn(), s.push(request(own, "scope", "orders:delete"))), callback)
	if fields.Get("error") != "invalid_scope" {
		t.Errorf("answer = %v, want invalid_scope", fields)
	}
}

// A pushed request that arrives in time does not expire while the user signs in and
// decides. Only the code uses it up, so that pages can be reloaded.
func TestPushedRequestWaitsForThePerson(t *testing.T) {
	s := newScene(t)
	b := s.nobody()
	brought := s.push(request(others))
	s.Pass(50 * time.Second)
	s.wire.reset()
	back := s.way(get(b, brought)).Get("return")
	if n := s.wire.writes.Load(); n != 0 {
		t.Errorf("the arrival wrote %d times, want none before a POST", n)
	}
	s.Pass(3 * time.Minute)
	s.again(b)
	s.asked(b.Get(back))
	form := s.asked(b.Get(back))
	s.Pass(3 * time.Minute)
	plain, _, _ := strings.Cut(back, "&since=")
	isPage(t, "without the time of arrival", b.Get(plain), 400)
	token := back[strings.Index(back, "&since="):]
	other := s.push(request(others))
	s.Pass(par.Life)
	isPage(t, "the time of another request", b.Get("/authorize?"+other.Encode()+token), 400)
	stranger := s.signedIn()
	isPage(t, "another browser", stranger.Get(back), 400)
	s.let(b.Post("/authorize", choose(form, "allow")))
	if got := b.Post("/authorize", choose(form, "allow")); got.Status != 400 || got.Header.Get("Location") != "" {
		t.Errorf("allowed twice: answer = %d to %q, want a page", got.Status, got.Header.Get("Location"))
	}

	late := s.push(request(others, "prompt", "consent"))
	form = s.asked(get(b, late))
	s.Pass(par.Stay + par.Life)
	isPage(t, "decided too late", b.Post("/authorize", choose(form, "allow")), 400)
}

// Two concurrent requests with one request_uri get one code.
func TestPushedRequestIsUsedOnce(t *testing.T) {
	s := newScene(t)
	brought := s.push(request(own))
	results := make(chan routetest.Answer, 4)
	for range cap(results) {
		go func() { results <- get(s.signedIn(), brought) }()
	}
	codes := 0
	for range cap(results) {
		got := <-results
		if strings.Contains(got.Header.Get("Location"), "?code=") {
			codes++
		}
	}
	if codes != 1 {
		t.Errorf("%d of 4 tabs got a code, want 1", codes)
	}
}
