package account_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

func TestWithoutLoginOneIsSentToSignIn(t *testing.T) {
	s := pagetest.New(t)
	b := pagetest.Open(route(s), "")
	if got := b.Get("/account"); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/login?return=%2Faccount" {
		t.Errorf("GET = %d to %s, want 303 to the sign-in", got.Status, got.Header.Get("Location"))
	}
	if got := b.Post("/account", url.Values{"action": {"sign-out"}}); got.Status != http.StatusSeeOther {
		t.Errorf("POST = %d, want 303", got.Status)
	}
	for name, cookie := range map[string]string{"junk": "junk", "made up": "tsi_AAAA"} {
		b := pagetest.Open(route(s), cookie)
		if got := b.Get("/account"); got.Status != http.StatusSeeOther || b.Cookies[websec.SessionCookie] != "" {
			t.Errorf("%s cookie: GET = %d, want 303 and the cookie forgotten", name, got.Status)
		}
	}
}

func TestAccountShowsWhereOneIsSignedIn(t *testing.T) {
	s := pagetest.New(t)
	s.Register(client.Client{ID: "orders-app", Name: "Orders <app>"})
	ada, eve := s.Person("ada", "Ada Lovelace"), s.Person("eve", "Eve")
	login, cookie := s.Login(ada)
	here := s.Grant(ada, "orders-app", login.ID)
	elsewhere := s.Grant(ada, "gone-app", "")
	foreign, _ := s.Login(eve)
	s.Time = s.Time.Add(20 * time.Minute)

	b := pagetest.Open(route(s), cookie)
	got := b.Get("/account")
	if got.Status != http.StatusOK {
		t.Fatalf("GET = %d %s, want the page", got.Status, got.Body)
	}
	for _, want := range []string{
		"Ada Lovelace", "ada@example.com", "Orders &lt;app&gt;", "gone-app", "Firefox on Linux", "203.0.113.0/24", "198.51.100.0/24",
		`value="` + here.ID + `"`, `value="` + elsewhere.ID + `"`, "Current session", "This browser", "20 minutes ago", "Last used <time",
	} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, unwanted := range []string{foreign.ID, "Eve", "203.0.113.7", cookie, `value="` + login.ID} {
		if strings.Contains(got.Body, unwanted) {
			t.Errorf("the page shows %s", unwanted)
		}
	}
	// The visit itself counts as use, so that the page does not run out.
	s.Time = s.Time.Add(25 * time.Minute)
	if got := b.Get("/account"); got.Status != http.StatusOK {
		t.Errorf("GET 25 minutes after the last = %d, want 200", got.Status)
	}
	s.Time = s.Time.Add(31 * time.Minute)
	if got := b.Get("/account"); got.Status != http.StatusSeeOther {
		t.Errorf("GET 31 minutes after the last = %d, want 303 to the sign-in", got.Status)
	}
}

func TestEndOne(t *testing.T) {
	s := pagetest.New(t)
	ada := s.Person("ada", "")
	_, cookie := s.Login(ada)
	other, _ := s.Login(ada)
	belonging := s.Grant(ada, "app", other.ID)
	kept := s.Grant(ada, "app", "")
	b := pagetest.Open(route(s), cookie)
	send := form(t, b.Get("/account").Body, web.ActionEnd, other.ID)
	for range 2 { // the second time it has ended already
		got := b.Post("/account", send)
		if got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/account?done=end" {
			t.Fatalf("POST = %d to %s, want 303 to /account?done=end", got.Status, got.Header.Get("Location"))
		}
	}
	if live := s.Live(ada); live[other.ID] || live[belonging.ID] || !live[kept.ID] || len(live) != 2 {
		t.Errorf("live after the end of %s: %v, want neither it nor its grant, and the rest", other.ID, live)
	}
	if n := s.Entries(session.ActionEndLogin); n != 1 {
		t.Errorf("the trail has %d entries of the end, want 1", n)
	}
	if got := b.Get("/account?done=end"); !strings.Contains(got.Body, `role="status">`+web.SessionEnded) {
		t.Errorf("the page does not say that the session has ended:\n%s", got.Body)
	}
}

func TestEndOthers(t *testing.T) {
	s := pagetest.New(t)
	ada, eve := s.Person("ada", ""), s.Person("eve", "")
	login, cookie := s.Login(ada)
	here := s.Grant(ada, "app", login.ID)
	s.Login(ada)
	s.Grant(ada, "app", "")
	theirs, _ := s.Login(eve)
	b := pagetest.Open(route(s), cookie)
	got := b.Post("/account", form(t, b.Get("/account").Body, web.ActionEndOthers, ""))
	if got.Header.Get("Location") != "/account?done=end-others" {
		t.Fatalf("POST = %d to %s, want /account?done=end-others", got.Status, got.Header.Get("Location"))
	}
	if live := s.Live(ada); !live[login.ID] || !live[here.ID] || len(live) != 2 {
		t.Errorf("live afterwards: %v, want %s and its grant %s", live, login.ID, here.ID)
	}
	if n := s.Entries(session.ActionEndOthers); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
	if !s.Live(eve)[theirs.ID] {
		t.Error("the session of another person has ended, too")
	}
	if page := b.Get("/account?done=end-others").Body; !strings.Contains(page, web.OtherSessionsEnded) || strings.Contains(page, web.ActionEndOthers+`"`) {
		t.Errorf("the page afterwards should say so and offer it no more:\n%s", page)
	}
}

func TestSignOut(t *testing.T) {
	s := pagetest.New(t)
	ada := s.Person("ada", "")
	login, cookie := s.Login(ada)
	here := s.Grant(ada, "app", login.ID)
	kept := s.Grant(ada, "app", "")
	b := pagetest.Open(route(s), cookie)
	got := b.Post("/account", form(t, b.Get("/account").Body, web.ActionSignOut, ""))
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/logout" || b.Cookies[websec.SessionCookie] != "" {
		t.Errorf("POST = %d to %s with cookies %v, want 303 to /logout without the login", got.Status, got.Header.Get("Location"), b.Cookies)
	}
	if live := s.Live(ada); live[login.ID] || live[here.ID] || !live[kept.ID] {
		t.Errorf("live afterwards: %v, want %s only", live, kept.ID)
	}
	if got := pagetest.Open(route(s), cookie).Get("/account"); got.Status != http.StatusSeeOther {
		t.Errorf("GET with the old cookie = %d, want 303", got.Status)
	}
}

// TestForgedForms: a form that is not from the page shown to this session ends
// nothing.
func TestForgedForms(t *testing.T) {
	s := pagetest.New(t)
	ada, eve := s.Person("ada", ""), s.Person("eve", "")
	login, cookie := s.Login(ada)
	other, _ := s.Login(ada)
	_, hers := s.Login(eve)
	theirs, _ := s.Login(eve)
	h := route(s)
	b := pagetest.Open(h, cookie)
	good := form(t, b.Get("/account").Body, web.ActionEnd, other.ID)
	with := func(name, value string) url.Values {
		f := url.Values{}
		for k := range good {
			f.Set(k, good.Get(k))
		}
		f.Set(name, value)
		return f
	}
	attacker := pagetest.Open(h, hers)
	attackers := form(t, attacker.Get("/account").Body, web.ActionEndOthers, "").Get("csrf")
	_, second := s.Login(ada)

	for name, post := range map[string]func() routetest.Answer{
		"another site":            func() routetest.Answer { return b.PostFrom("/account", good, "https://evil.example", "cross-site") },
		"a neighbouring host":     func() routetest.Answer { return b.PostFrom("/account", good, "https://x.example.com", "same-site") },
		"nobody knows where":      func() routetest.Answer { return b.PostFrom("/account", good, "", "") },
		"no token":                func() routetest.Answer { return b.Post("/account", with("csrf", "")) },
		"a changed token":         func() routetest.Answer { return b.Post("/account", with("csrf", good.Get("csrf")+"x")) },
		"another person's token":  func() routetest.Answer { return b.Post("/account", with("csrf", attackers)) },
		"an unknown action":       func() routetest.Answer { return b.Post("/account", with("action", "end-everything")) },
		"no action":               func() routetest.Answer { return b.Post("/account", with("action", "")) },
		"a form without anything": func() routetest.Answer { return b.Post("/account", url.Values{}) },
		"another browser": func() routetest.Answer {
			return pagetest.Open(h, cookie).Post("/account", good)
		},
		"the next login of the same browser": func() routetest.Answer {
			next := pagetest.Open(h, second)
			next.Cookies[websec.FormCookie] = b.Cookies[websec.FormCookie]
			return next.Post("/account", good)
		},
	} {
		got := post()
		if got.Status != http.StatusBadRequest && got.Status != http.StatusForbidden || !strings.Contains(got.Body, "<h1>") {
			t.Errorf("%s: POST = %d %s, want a refusal as a page", name, got.Status, got.Body)
		}
		if live := s.Live(ada); !live[other.ID] || !live[login.ID] {
			t.Fatalf("%s: a session has ended", name)
		}
	}
	if got := b.Post("/account", with("id", theirs.ID)); got.Status != http.StatusSeeOther || !s.Live(eve)[theirs.ID] {
		t.Errorf("the id of another person's session: POST = %d, live %t; want nothing to happen", got.Status, s.Live(eve)[theirs.ID])
	}
	expired := form(t, b.Get("/account").Body, web.ActionEnd, other.ID)
	for range 3 { // the session stays in use, so only the form is too old
		s.Time = s.Time.Add(25 * time.Minute)
		b.Get("/account")
	}
	got := b.Post("/account", expired)
	if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, web.ExpiredForm) || !s.Live(ada)[login.ID] {
		t.Errorf("a form of 75 minutes ago: POST = %d, want 400 and the page with the problem", got.Status)
	}
}

// TestDisabledPersonIsNotSignedIn: a disabled user is not signed in, even with a
// session that is still stored.
func TestDisabledPersonIsNotSignedIn(t *testing.T) {
	s := pagetest.New(t)
	u := &identity.User{Subject: identity.NewSubject(s.Time), UserName: "ada", Revision: 1}
	s.Store(u)
	_, cookie := s.Login(u.Subject)
	u.Disabled = true
	s.Store(u)
	if got := pagetest.Open(route(s), cookie).Get("/account"); got.Status != http.StatusSeeOther {
		t.Errorf("GET = %d, want 303 to the sign-in", got.Status)
	}
}

// TestOutageIsAPage: a user who cannot be read is not signed out.
func TestOutageIsAPage(t *testing.T) {
	s := pagetest.New(t)
	_, cookie := s.Login(s.Person("ada", ""))
	h := handler(s)
	h.Sessions.Sessions = "no-such-table"
	b := pagetest.Open(s.Route(contract.Account, h), cookie)
	got := b.Get("/account")
	if got.Status != http.StatusServiceUnavailable || !strings.Contains(got.Body, "<h1>") || b.Cookies[websec.SessionCookie] == "" {
		t.Errorf("GET = %d %s with cookies %v, want 503 as a page, and the cookie kept", got.Status, got.Body, b.Cookies)
	}
}
