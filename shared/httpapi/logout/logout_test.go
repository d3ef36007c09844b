package logout_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/httpapi/logout"
	"github.com/tipstaff/tipstaff/shared/httpapi/pagetest"
	"github.com/tipstaff/tipstaff/shared/httpapi/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

func route(s *pagetest.Stage) http.Handler {
	return s.Route(contract.Logout, &logout.Handler{
		Issuer: routetest.Issuer, Sessions: s.Sessions(), People: s.People(), Forms: s.Forms(),
	})
}

func TestLogout(t *testing.T) {
	s := pagetest.New(t)
	ada := s.Person("ada", "Ada Lovelace")
	login, cookie := s.Login(ada)
	grant := s.Grant(ada, "app", login.ID)
	other, _ := s.Login(ada)
	b := pagetest.Open(route(s), cookie)

	asked := b.Get("/logout")
	if asked.Status != http.StatusOK || !strings.Contains(asked.Body, "Ada Lovelace") || !s.Live(ada)[login.ID] {
		t.Fatalf("GET = %d %s, want a question and nothing else", asked.Status, asked.Body)
	}
	got := b.Post("/logout", pagetest.Forms(asked.Body)[0])
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/logout" || b.Cookies[browser.SessionCookie] != "" {
		t.Errorf("POST = %d to %s with cookies %v, want 303 to /logout without the login", got.Status, got.Header.Get("Location"), b.Cookies)
	}
	if live := s.Live(ada); live[login.ID] || live[grant.ID] || !live[other.ID] {
		t.Errorf("live afterwards: %v, want %s only", live, other.ID)
	}
	if n := s.Entries(session.ActionEndLogin); n != 1 {
		t.Errorf("the trail has %d entries of the end, want 1", n)
	}
	if got := b.Get("/logout"); got.Status != http.StatusOK || !strings.Contains(got.Body, "You are signed out") {
		t.Errorf("GET afterwards = %d %s, want that one is signed out", got.Status, got.Body)
	}
	again := pagetest.Open(route(s), cookie)
	if got := again.Get("/logout"); !strings.Contains(got.Body, "You are signed out") || again.Cookies[browser.SessionCookie] != "" {
		t.Errorf("GET with the old cookie = %d %s, want that one is signed out, and the cookie forgotten", got.Status, got.Body)
	}
}

// TestForgedLogout: nobody else signs a person out.
func TestForgedLogout(t *testing.T) {
	s := pagetest.New(t)
	ada := s.Person("ada", "")
	login, cookie := s.Login(ada)
	h := route(s)
	b := pagetest.Open(h, cookie)
	good := pagetest.Forms(b.Get("/logout").Body)[0]
	_, second := s.Login(ada)
	stranger := pagetest.Open(h, second)
	foreign := pagetest.Forms(stranger.Get("/logout").Body)[0]
	for name, post := range map[string]func() routetest.Answer{
		"another site":    func() routetest.Answer { return b.PostFrom("/logout", good, "https://evil.example", "cross-site") },
		"nobody knows":    func() routetest.Answer { return b.PostFrom("/logout", good, "", "") },
		"no token":        func() routetest.Answer { return b.Post("/logout", url.Values{}) },
		"another login's": func() routetest.Answer { return b.Post("/logout", foreign) },
		"another browser": func() routetest.Answer { return pagetest.Open(h, cookie).Post("/logout", good) },
	} {
		got := post()
		if got.Status != http.StatusBadRequest && got.Status != http.StatusForbidden || !strings.Contains(got.Body, "<h1>") {
			t.Errorf("%s: POST = %d %s, want a refusal as a page", name, got.Status, got.Body)
		}
		if !s.Live(ada)[login.ID] {
			t.Fatalf("%s: the login has ended", name)
		}
	}
	if got := b.Post("/logout", url.Values{}); !strings.Contains(got.Body, web.ExpiredForm) || len(pagetest.Forms(got.Body)) != 1 {
		t.Errorf("without a token the page is %s, want the problem and a new form", got.Body)
	}
}

func TestPostWithoutLogin(t *testing.T) {
	s := pagetest.New(t)
	if got := pagetest.Open(route(s), "").Post("/logout", url.Values{}); got.Status != http.StatusOK || !strings.Contains(got.Body, "You are signed out") {
		t.Errorf("POST = %d %s, want that one is signed out", got.Status, got.Body)
	}
}
