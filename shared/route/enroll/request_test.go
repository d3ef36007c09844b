package enroll_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/route/enroll"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// counter is the page on which users ask for a link, with the calls that it makes.
type counter struct {
	*pagetest.Stage
	calls  *routetest.Counter
	asking *enroll.Asking
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{Stage: pagetest.New(t)}
	c.calls = c.Count()
	sessions := c.Table(contract.Sessions)
	c.asking = &enroll.Asking{
		Issuer: routetest.Issuer, People: c.People(), Forms: c.Forms(),
		Throttle: &throttle.Store{DB: c.DB, Sessions: sessions, Key: c.ThrottleKey, Now: c.Now},
		Requests: &recovery.Queue{Kind: recovery.Requests, DB: c.DB, Table: sessions, Now: c.Now},
	}
	return c
}

func (c *counter) browser() *pagetest.Browser {
	return pagetest.Open(c.Route(contract.Enroll, c.asking), "")
}

// fill fills in the form as it is shown.
func (c *counter) fill(b *pagetest.Browser, userName string) url.Values {
	c.T.Helper()
	page := b.Get("/recover")
	forms := pagetest.Forms(page.Body)
	if page.Status != 200 || len(forms) != 1 {
		c.T.Fatalf("GET /recover = %d %s, want a form", page.Status, page.Body)
	}
	forms[0].Set("user_name", userName)
	return forms[0]
}

// queued are the subjects of the requests that wait.
func (c *counter) queued() []string {
	c.T.Helper()
	due, err := c.asking.Requests.Due(context.Background(), nil)
	if err != nil {
		c.T.Fatal(err)
	}
	subjects := []string{}
	for _, r := range due {
		subjects = append(subjects, r.Payload.Subject)
	}
	return subjects
}

// people stores one user of each kind and returns the user names. No user has the last
// two names.
func (c *counter) people() []string {
	for name, change := range map[string]func(*identity.User){
		"able":       func(*identity.User) {},
		"disabled":   func(u *identity.User) { u.Disabled = true },
		"unverified": func(u *identity.User) { u.EmailVerified = false },
		"mailless":   func(u *identity.User) { u.Email, u.EmailVerified = "", false },
	} {
		u := &identity.User{Subject: identity.NewSubject(c.Time), UserName: name, Email: name + "@example.com", EmailVerified: true, Revision: 1}
		change(u)
		c.Store(u)
	}
	return []string{"able", "disabled", "unverified", "mailless", "nobody", "no.one@example.com"}
}

// TestRecoveryAnswers: known, unknown, disabled and unreachable users get the same
// answer to the byte, for the same calls to AWS, in each step.
func TestRecoveryAnswers(t *testing.T) {
	c := newCounter(t)
	var want routetest.Answer
	var wantCalls []string
	for i, name := range c.people() {
		b := c.browser()
		form := c.fill(b, name)
		c.calls.Calls = nil
		got := b.Post("/recover", form)
		calls := c.calls.Calls
		if i == 0 {
			want, wantCalls = got, calls
		}
		if got.Status != 303 || got.Body != want.Body || got.Header.Get("Location") != "/recover?asked" || headers(got) != headers(want) {
			t.Errorf("%s = %d %q %v, want %d %q %v", name, got.Status, got.Body, got.Header, want.Status, want.Body, want.Header)
		}
		if !slices.Equal(calls, wantCalls) {
			t.Errorf("%s made the calls %q, want %q", name, calls, wantCalls)
		}
		page := b.Get(got.Header.Get("Location"))
		if page.Status != 200 || !strings.Contains(page.Body, web.RecoverAsked().Title) || strings.Contains(page.Body, name) {
			t.Errorf("%s: the page afterwards = %d %s", name, page.Status, page.Body)
		}
	}
	if want := []string{"UpdateItem", "UpdateItem", "GetItem", "GetItem", "PutItem"}; !slices.Equal(wantCalls, want) {
		t.Errorf("a request makes the calls %q, want %q", wantCalls, want)
	}
	if c.Entries("") != 0 || strings.Contains(c.Log.String(), "able") || strings.Contains(c.Log.String(), "nobody") {
		t.Errorf("the trail has %d entries and the log says %s, want neither to name anybody", c.Entries(""), c.Log.String())
	}
	subjects := c.queued()
	nobodys := 0
	for _, subject := range subjects {
		if subject == "" {
			nobodys++
		}
	}
	if len(subjects) != 6 || nobodys != 2 {
		t.Errorf("queue = %q, want four subjects and two of nobody", subjects)
	}
}

// headers are the headers of an answer that are the same for all requests.
func headers(a routetest.Answer) string {
	var lines []string
	for name, values := range a.Header {
		lines = append(lines, name+": "+strings.Join(values, ", "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The input is stored and logged nowhere: users type their password there by mistake.
func TestWhatWasTypedIsNotKept(t *testing.T) {
	c := newCounter(t)
	b := c.browser()
	const password = "correct horse battery staple"
	if got := b.Post("/recover", c.fill(b, password)); got.Status != 303 {
		t.Fatalf("answer = %d %s, want 303", got.Status, got.Body)
	}
	if got := c.queued(); len(got) != 1 || got[0] != "" {
		t.Errorf("queue = %q, want nobody's request", got)
	}
	if strings.Contains(c.Log.String(), "horse") {
		t.Error("the log has what was typed")
	}
}

// TestFlood: repeated requests for one user name have to wait, also for a user name that
// does not exist, and no mail is requested during the wait.
func TestFlood(t *testing.T) {
	c := newCounter(t)
	var first string
	for _, name := range c.people() {
		before := len(c.queued())
		for range throttle.Free {
			b := c.browser()
			if got := b.Post("/recover", c.fill(b, name)); got.Status != 303 {
				t.Fatalf("%s = %d %s, want 303", name, got.Status, got.Body)
			}
		}
		b := c.browser()
		form := c.fill(b, name)
		c.calls.Calls = nil
		got := b.Post("/recover", form)
		calls := c.calls.Calls
		if got.Status != 429 || got.Header.Get("Retry-After") != "1" || !strings.Contains(got.Body, web.TooManyTries) || slices.Contains(calls, "PutItem") || slices.Contains(calls, "GetItem") {
			t.Errorf("%s = %d, Retry-After %q, calls %q, want 429, a second, and nobody looked up", name, got.Status, got.Header.Get("Retry-After"), calls)
		}
		csrf := pagetest.Forms(got.Body)[0].Get("csrf")
		shape := strings.NewReplacer(csrf, "…", `value="`+name+`"`, `value="…"`).Replace(got.Body)
		if first == "" {
			first = shape
		}
		if shape != first {
			t.Errorf("%s = %s, want as the others %s", name, shape, first)
		}
		if asked := len(c.queued()) - before; asked != throttle.Free {
			t.Errorf("%d mails were asked for to %s, want %d", asked, name, throttle.Free)
		}
		c.Pass(time.Minute) // for the address
	}
}

// A flood of requests here does not slow down the sign-in of the user.
func TestFloodDoesNotReachTheSignIn(t *testing.T) {
	c := newCounter(t)
	c.people()
	for range throttle.Free + 1 {
		b := c.browser()
		b.Post("/recover", c.fill(b, "able"))
	}
	if _, err := c.asking.Throttle.Reserve(t.Context(), throttle.Attempt{Account: "able", Address: "198.51.100.1"}); err != nil {
		t.Errorf("a sign-in elsewhere = %v, want it to be free", err)
	}
}

// TestRecoveryFormRefused: a forged form is not counted and requests no mail.
func TestRecoveryFormRefused(t *testing.T) {
	c := newCounter(t)
	c.people()
	for _, tt := range []struct {
		name string
		send func(b *pagetest.Browser, form url.Values) routetest.Answer
		want int
		says string
	}{
		{"of another site", func(b *pagetest.Browser, form url.Values) routetest.Answer {
			return b.PostFrom("/recover", form, "https://evil.example", "cross-site")
		}, 403, ""},
		{"from nowhere", func(b *pagetest.Browser, form url.Values) routetest.Answer {
			return b.PostFrom("/recover", form, "", "")
		}, 403, ""},
		{"without its token", func(b *pagetest.Browser, form url.Values) routetest.Answer {
			form.Del("csrf")
			return b.Post("/recover", form)
		}, 400, web.ExpiredForm},
		{"of another browser", func(b *pagetest.Browser, form url.Values) routetest.Answer {
			delete(b.Cookies, websec.FormCookie)
			return b.Post("/recover", form)
		}, 400, web.ExpiredForm},
		{"without a name", func(b *pagetest.Browser, form url.Values) routetest.Answer {
			form.Del("user_name")
			return b.Post("/recover", form)
		}, 400, web.NoUserName},
		{"after an hour", func(b *pagetest.Browser, form url.Values) routetest.Answer {
			c.Pass(websec.FormLife + time.Second)
			return b.Post("/recover", form)
		}, 400, web.ExpiredForm},
	} {
		b := c.browser()
		form := c.fill(b, "able")
		c.calls.Calls = nil
		got := tt.send(b, form)
		if got.Status != tt.want || !strings.Contains(got.Body, tt.says) || len(c.calls.Calls) != 0 {
			t.Errorf("%s = %d %s with the calls %q, want %d %q and none", tt.name, got.Status, got.Body, c.calls.Calls, tt.want, tt.says)
		}
	}
}

// A stage that sends no mail refers the user to an administrator, and takes no form.
func TestRecoveryWithoutMail(t *testing.T) {
	c := newCounter(t)
	b := c.browser()
	form := c.fill(b, "able")
	c.asking.Requests = nil
	c.calls.Calls = nil
	for name, got := range map[string]routetest.Answer{"GET": b.Get("/recover"), "POST": b.Post("/recover", form)} {
		if got.Status != 200 || !strings.Contains(got.Body, "Ask your administrator") || strings.Contains(got.Body, "<form") {
			t.Errorf("%s = %d %s, want a page without a form", name, got.Status, got.Body)
		}
	}
	if len(c.calls.Calls) != 0 {
		t.Errorf("it made the calls %q, want none", c.calls.Calls)
	}
}

// When a table cannot be reached, the answer does not promise a mail.
func TestRecoveryOutage(t *testing.T) {
	c := newCounter(t)
	b := c.browser()
	form := c.fill(b, "able")
	c.asking.Requests.Table = "no-such-table"
	if got := b.Post("/recover", form); got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("answer = %d %s, want 503", got.Status, got.Body)
	}
}
