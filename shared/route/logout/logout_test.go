package logout_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/logout"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

func route(s *pagetest.Stage) http.Handler {
	return s.Route(contract.Logout, &logout.Handler{
		Issuer: routetest.Issuer, Browser: s.Browser(), Clients: s.Clients(),
		Keys: logout.Verifying(s.Keys, s.Now), Forms: s.Forms(), Now: s.Now,
	})
}

// signedOut compares the answer with the page for a browser without a login session.
func signedOut(t *testing.T, name string, got routetest.Answer) {
	t.Helper()
	if got.Status != http.StatusOK || !strings.Contains(got.Body, "You are signed out") {
		t.Errorf("%s = %d %s, want that one is signed out", name, got.Status, got.Body)
	}
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
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/logout" || b.Cookies[websec.SessionCookie] != "" {
		t.Errorf("POST = %d to %s with cookies %v, want 303 to /logout without the login", got.Status, got.Header.Get("Location"), b.Cookies)
	}
	if live := s.Live(ada); live[login.ID] || live[grant.ID] || !live[other.ID] {
		t.Errorf("live afterwards: %v, want %s only", live, other.ID)
	}
	if n := s.Entries(session.ActionEndLogin); n != 1 {
		t.Errorf("the trail has %d entries of the end, want 1", n)
	}
	signedOut(t, "GET afterwards", b.Get("/logout"))
	again := pagetest.Open(route(s), cookie)
	signedOut(t, "GET with the old cookie", again.Get("/logout"))
	if again.Cookies[websec.SessionCookie] != "" {
		t.Error("the browser keeps a dead cookie")
	}
}

// TestForgedLogout: a request from another site signs no user out.
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
		"a made-up token": func() routetest.Answer { return b.Post("/logout", url.Values{"csrf": {"x.y.z"}}) },
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
	if got := b.Post("/logout", url.Values{"csrf": {"x"}}); !strings.Contains(got.Body, web.ExpiredForm) || len(pagetest.Forms(got.Body)) != 1 {
		t.Errorf("with a bad token the page is %s, want the problem and a new form", got.Body)
	}
}

// TestPostWithoutOurForm: a POST without our form is that of a client. The browser is
// redirected to a GET, and nothing else happens.
func TestPostWithoutOurForm(t *testing.T) {
	s := pagetest.New(t)
	ada := s.Person("ada", "")
	login, cookie := s.Login(ada)
	b := pagetest.Open(route(s), cookie)
	for name, tt := range map[string]struct {
		form url.Values
		want string
	}{
		"empty": {url.Values{}, "/logout"},
		"all": {
			url.Values{
				"id_token_hint": {"a.b.c"}, "client_id": {"app"}, "post_logout_redirect_uri": {"https://app.example.com/?a=b&c"},
				"state": {"x y"}, "logout_hint": {"ada"}, "ui_locales": {"en"},
			},
			"/logout?client_id=app&id_token_hint=a.b.c&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2F%3Fa%3Db%26c&state=x+y",
		},
	} {
		for _, from := range []string{routetest.Issuer, "https://app.example.com"} {
			got := b.PostFrom("/logout", tt.form, from, "")
			if got.Status != http.StatusSeeOther || got.Header.Get("Location") != tt.want {
				t.Errorf("%s: POST from %s = %d to %s, want 303 to %s", name, from, got.Status, got.Header.Get("Location"), tt.want)
			}
		}
	}
	if got := b.Post("/logout", url.Values{"state": {strings.Repeat("x", 9000)}}); got.Status != http.StatusBadRequest {
		t.Errorf("POST of what no URL can hold = %d, want 400", got.Status)
	}
	if !s.Live(ada)[login.ID] {
		t.Error("the login has ended")
	}
	signedOut(t, "the link without a login", pagetest.Open(route(s), "").Get("/logout"))
}

// TestDisabledUserIsSignedOut: a disabled user, or a user with only sessions that are
// about to end, is signed out on this page as on every other.
func TestDisabledUserIsSignedOut(t *testing.T) {
	for name, change := range map[string]dynamo.Changes{
		"disabled":                      {Set: dynamo.Item{dynamo.AttrDisabled: dynamo.Flag(true)}},
		"all sessions are about to end": {Raise: []string{dynamo.AttrAuthGen}},
	} {
		t.Run(name, func(t *testing.T) {
			s := pagetest.New(t)
			ada := s.Person("ada", "Ada Lovelace")
			_, cookie := s.Login(ada)
			if err := (dynamo.Tx{dynamo.Update(s.Table(contract.Registry), dynamo.UserKey(ada), change)}).Run(t.Context(), s.DB); err != nil {
				t.Fatal(err)
			}
			b := pagetest.Open(route(s), cookie)
			signedOut(t, "GET", b.Get("/logout"))
			if b.Cookies[websec.SessionCookie] != "" {
				t.Error("the browser keeps the cookie")
			}
		})
	}
}
