package device_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	domain "github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// wrong returns user codes that no device was given.
func wrong(n int, given ...*domain.Codes) []string {
	var codes []string
	for i := 0; len(codes) < n; i++ {
		code := fmt.Sprintf("BBBB-BB%c%c", domain.Letters[i/20%20], domain.Letters[i%20])
		for _, g := range given {
			if g.User.String() == code {
				code = ""
			}
		}
		if code != "" {
			codes = append(codes, code)
		}
	}
	return codes
}

func TestCodesThatAreNone(t *testing.T) {
	l := newLiving(t)
	for _, tt := range []struct {
		typed   string
		problem string
	}{
		{"", web.WrongLength},
		{"BCDF", web.WrongLength},
		{"BCDF-GHJK-L", web.WrongLength},
		{strings.Repeat("B", 1000), web.WrongLength},
		{"BCDF-GHJ0", web.ForeignLetters},
		{"BCDF-GHJE", web.ForeignLetters},
		{"\u0412CDF-GHJK", web.ForeignLetters},
		{`"><script>alert(1)</script>`, web.ForeignLetters},
	} {
		got := l.try(tt.typed)
		says(t, fmt.Sprintf("%.30q", tt.typed), got, 400, tt.problem)
		if strings.Contains(got.Body, "<script") {
			t.Errorf("%q is in the page as it is", tt.typed)
		}
	}
	// A malformed code is not counted as a guess.
	for range throttle.Free {
		l.try("BCDF-GHJ0")
	}
	if got := l.try(l.start(tvID).User.String()); !question(got) {
		t.Errorf("a right code afterwards = %d %s, want the question", got.Status, got.Body)
	}
}

// A code that was used or has expired is refused with that reason.
func TestCodesThatAreOver(t *testing.T) {
	l := newLiving(t)
	expired := l.start(tvID)
	question := answered(l.asked(expired), web.Allow)
	l.Pass(domain.Life)
	says(t, "expired", l.try(expired.User.String()), 400, web.ExpiredCode)
	says(t, "answer to an expired one", l.browser.Post("/device", question), 400, web.ExpiredCode)

	used := l.start(tvID)
	before := l.asked(used)
	if got := l.browser.Post("/device", answered(before, web.Allow)); got.Status != 303 {
		t.Fatalf("answer = %d %s, want 303", got.Status, got.Body)
	}
	says(t, "used", l.try(used.User.String()), 400, web.UsedCode)
	says(t, "the other answer", l.browser.Post("/device", answered(before, web.Deny)), 400, web.UsedCode)
	if got := l.browser.Post("/device", answered(before, web.Allow)); got.Status != 303 {
		t.Errorf("the same answer once more = %d %s, want 303: the button was pressed twice", got.Status, got.Body)
	}
	if err := l.poll(used); err != nil {
		t.Errorf("the device polls %v, want to be let in", err)
	}
	if n := l.Entries(domain.ActionApprove); n != 1 {
		t.Errorf("the trail has %d approvals, want 1", n)
	}

	l.device("gone", nil)
	orphan := l.start("gone")
	l.device("gone", func(c *client.Client) { c.Disabled = true })
	says(t, "of a client that is disabled", l.try(orphan.User.String()), 400, web.UnknownCode)
	says(t, "of a client that never was", l.try(l.start("never").User.String()), 400, web.UnknownCode)
}

// SECURITY.md, user_code guess: five tries, and then each waits twice as long as
// the one before, for a right code as for a wrong one. A new sign-in of the same
// user gives no more tries, and another user is not slowed down.
func TestGuesses(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID)
	tries := wrong(throttle.Free+3, codes)
	for _, code := range tries[:throttle.Free] {
		says(t, code, l.try(code), 400, web.UnknownCode)
	}
	_, second := l.Login(l.Ada)
	for name, b := range map[string]*pagetest.Browser{"the same login": l.browser, "a new login": pagetest.Open(l.route, second)} {
		for _, code := range []string{tries[throttle.Free], codes.User.String()} {
			got := b.Post("/device", l.typed(b, code))
			says(t, name, got, 429, web.TooManyTries+" Try again in 1 second.")
			if got.Header.Get("Retry-After") != "1" {
				t.Errorf("%s: Retry-After = %q, want 1", name, got.Header.Get("Retry-After"))
			}
		}
	}
	if !strings.Contains(l.Log.String(), `"Throttled":1`) {
		t.Error("the log does not count it")
	}
	l.AddUser("eve")
	eve, _ := l.People().Find(t.Context(), "eve")
	_, hers := l.Login(eve.Subject)
	b := pagetest.Open(l.route, hers)
	if got := b.Post("/device", l.typed(b, codes.User.String())); !question(got) {
		t.Errorf("another person = %d %s, want the question", got.Status, got.Body)
	}
	l.Pass(time.Second)
	says(t, "one wrong more", l.try(tries[throttle.Free+1]), 400, web.UnknownCode)
	l.Pass(time.Second)
	says(t, "too early", l.try(codes.User.String()), 429, web.TooManyTries+" Try again in 1 second.")
	l.Pass(time.Second)
	if got := l.try(codes.User.String()); !question(got) {
		t.Errorf("the right code in time = %d %s, want the question", got.Status, got.Body)
	}
	// A right code gives its own try back, and forgives nothing.
	says(t, "wrong after a right one", l.try(tries[throttle.Free+2]), 429, web.TooManyTries)
}

// Many guesses at once get what as many in a row would get.
func TestGuessesAtOnce(t *testing.T) {
	l := newLiving(t)
	form := l.typed(l.browser, "")
	answers := make([]routetest.Answer, 12)
	var all sync.WaitGroup
	for i, code := range wrong(len(answers)) {
		b := pagetest.Open(l.route, l.cookie)
		b.Cookies[websec.FormCookie] = l.browser.Cookies[websec.FormCookie]
		all.Go(func() { answers[i] = b.Post("/device", with(form, "user_code", code)) })
	}
	all.Wait()
	looked := 0
	for _, a := range answers {
		switch {
		case a.Status == 400 && strings.Contains(a.Body, web.UnknownCode):
			looked++
		case a.Status != 429:
			t.Errorf("answer = %d %s, want 400 or 429", a.Status, a.Body)
		}
	}
	if looked != throttle.Free {
		t.Errorf("%d of %d guesses at once were looked up, want %d", looked, len(answers), throttle.Free)
	}
}

func TestCalls(t *testing.T) {
	l := newLiving(t)
	count := l.Count()
	l.route = l.Route(contract.Device, l.handler())
	l.browser = pagetest.Open(l.route, l.cookie)
	first, codes := l.start(tvID), l.start(tvID)
	l.asked(first) // client and resource are remembered
	var form url.Values
	const who = "GetItem GetItem" // session and user
	for _, tt := range []struct {
		name  string
		do    func()
		calls string
	}{
		{"the page", func() { form = l.typed(l.browser, codes.User.String()) }, who},
		{"a malformed code", func() { l.browser.Post("/device", with(form, "user_code", "BCDF")) }, who},
		{"a wrong code", func() { l.browser.Post("/device", with(form, "user_code", wrong(1, first, codes)[0])) }, who + " UpdateItem UpdateItem GetItem"},
		{"a right code", func() { form = pagetest.Forms(l.browser.Post("/device", form).Body)[0] }, who + " UpdateItem UpdateItem GetItem GetItem UpdateItem"},
		{"an answer", func() { l.browser.Post("/device", answered(form, web.Allow)) }, who + " GetItem GetItem TransactWriteItems"},
	} {
		count.Calls = nil
		tt.do()
		if calls := strings.Join(count.Calls, " "); calls != tt.calls {
			t.Errorf("%s took %q, want %q", tt.name, calls, tt.calls)
		}
	}
}
