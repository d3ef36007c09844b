package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

func TestFirstSignIn(t *testing.T) {
	s := newScene(t)
	b := s.open("")
	a := s.visit(b, start)
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account" {
		t.Fatalf("the first sign-in = %d to %q: %s", a.Status, a.Header.Get("Location"), a.Body)
	}
	login := s.inside(b)
	if login == nil || strings.Join(login.AMR, " ") != "fed" || !login.AuthTime.Equal(s.Time) {
		t.Fatalf("login = %+v, want one by fed", login)
	}
	ada, err := s.People().Find(t.Context(), "ada@example.com")
	if err != nil || ada.Subject != login.Subject || ada.Name != "Ada Lovelace" || ada.Email != "ada@example.com" || !ada.EmailVerified || ada.HasPassword() {
		t.Errorf("the new person = %+v, %v, want Ada as the upstream knows her", ada, err)
	}
	links, err := s.links.List(t.Context(), ada.Subject)
	if err != nil || len(links) != 1 || links[0].Upstream != "work" || links[0].Label != "ada@example.com" {
		t.Errorf("links = %+v, %v, want one", links, err)
	}
	for _, action := range []audit.Action{audit.UserCreate, audit.LinkAdd, session.ActionLogin} {
		if n := s.Entries(action); n != 1 {
			t.Errorf("the trail has %d entries %s, want 1", n, action)
		}
	}

	other := s.open("")
	if a := s.visit(other, start); a.Status != http.StatusSeeOther {
		t.Fatalf("the second sign-in = %d: %s", a.Status, a.Body)
	}
	if again := s.inside(other); again == nil || again.Subject != ada.Subject || len(s.people()) != 1 {
		t.Errorf("the second sign-in is of %+v among %d people, want Ada again", again, len(s.people()))
	}
}

func TestFirstSignInAtGitHub(t *testing.T) {
	s := newScene(t)
	s.server = upstreamtest.GitHub(t)
	s.offer("work", func(u *upstream.Upstream) {
		u.Type, u.Scopes = upstream.TypeGitHub, upstream.DefaultScopes(upstream.TypeGitHub)
	})
	s.reopen()
	b := s.open("")
	if a := s.visit(b, start); a.Status != http.StatusSeeOther {
		t.Fatalf("the first sign-in = %d: %s", a.Status, a.Body)
	}
	l, err := s.links.Find(t.Context(), s.server.URL, "1815")
	if login := s.inside(b); err != nil || login == nil || l.Subject != login.Subject {
		t.Errorf("login = %+v, link = %+v, %v, want those of one person", login, l, err)
	}
}

// After a sign-in the browser goes to the page that the user asked for, and to no
// other.
func TestReturn(t *testing.T) {
	s := newScene(t)
	for asked, want := range map[string]string{
		"/authorize?client_id=orders&state=1": "/authorize?client_id=orders&state=1",
		"/":                                   "/",
		"":                                    "/account",
		"https://evil.example":                "/account",
		"//evil.example/account":              "/account",
		"/\\evil.example":                     "/account",
		"/authorize/../../evil?x":             "/account",
		"/accounts?x":                         "/account",
	} {
		b := s.open("")
		if a := s.visit(b, start+"?"+url.Values{"return": {asked}, "to": {"https://evil.example"}}.Encode()); a.Status != http.StatusSeeOther || a.Header.Get("Location") != want {
			t.Errorf("a sign-in that asks to return to %q = %d to %q, want %q", asked, a.Status, a.Header.Get("Location"), want)
		}
	}
}

func TestDisabledPerson(t *testing.T) {
	s := newScene(t)
	ada := s.Person("ada", "Ada Lovelace")
	s.attach(ada, upstreamtest.Ada)
	s.flag(ada, dynamo.AttrDisabled)
	b := s.open("")
	s.refused(b, s.visit(b, start), http.StatusForbidden, web.SwitchedOff("").Title)
	if n := s.Entries(audit.LoginRefuse); n != 1 {
		t.Errorf("the trail has %d refusals, want 1", n)
	}
}

// Zitadel CVE-2025-64103: an account at an upstream is one factor.
func TestPersonWithAuthenticatorApp(t *testing.T) {
	s := newScene(t)
	ada := s.Person("ada", "Ada Lovelace")
	s.attach(ada, upstreamtest.Ada)
	s.flag(ada, identity.AttrOTP)
	b := s.open("")
	a := s.visit(b, start+"?return=%2Fauthorize%3Fclient_id%3Dorders")
	s.refused(b, a, http.StatusOK, "Enter your code")
	forms := pagetest.Forms(a.Body)
	if len(forms) == 0 || forms[0].Get("step") == "" || forms[0].Get("return") != "/authorize?client_id=orders" {
		t.Errorf("forms = %v, want one with the step and the way back", forms)
	}
	if _, ok := b.Cookies[websec.SessionCookie]; ok || len(s.Live(ada)) != 0 {
		t.Errorf("after one of two steps there is a session")
	}
}

// The account of a removed user makes no new user.
func TestRemovedPerson(t *testing.T) {
	s := newScene(t)
	ada := s.Person("ada", "Ada Lovelace")
	s.attach(ada, upstreamtest.Ada)
	s.forget(ada)
	b := s.open("")
	s.refused(b, s.visit(b, start), http.StatusForbidden, web.UpstreamNoAccount("", "").Title)
	if all := s.people(); len(all) != 0 {
		t.Errorf("%d people were made, want none", len(all))
	}
}

// A user who is signed in already signs in at the upstream again, keeps the grants
// under the session, and gets a new cookie. A sign-in of another user ends the
// session.
func TestSignInAgain(t *testing.T) {
	s := newScene(t)
	ada, bob := s.Person("ada", "Ada Lovelace"), s.Person("bob", "Bob")
	s.attach(ada, upstreamtest.Ada)
	l, cookie := s.Login(ada)
	grant := s.Grant(ada, "orders", l.ID)
	b := s.open(cookie)
	s.Pass(time.Minute)
	s.visit(b, start)
	if got := s.server.Asked().Get("prompt"); got != "login" {
		t.Errorf("prompt = %q, want login", got)
	}
	again := s.inside(b)
	if again == nil || again.ID != l.ID || b.Cookies[websec.SessionCookie] == cookie || !s.Live(ada)[grant.ID] {
		t.Errorf("the login = %+v, want %s with a new cookie and its grant", again, l.ID)
	}
	_, other := s.Login(bob)
	b = s.open(other)
	s.visit(b, start)
	if got := s.inside(b); got == nil || got.Subject != ada || len(s.Live(bob)) != 0 {
		t.Errorf("after Ada signed in at Bob's browser it is %+v's, and Bob has %v, want Ada's alone", got, s.Live(bob))
	}
}

// The time of authentication is the one that the upstream reports.
func TestAuthTime(t *testing.T) {
	s := newScene(t)
	at := s.Time.Add(-time.Hour)
	ada := upstreamtest.Ada
	ada.AuthTime = at
	s.server.Become(ada)
	b := s.open("")
	s.visit(b, start)
	if l := s.inside(b); l == nil || !l.AuthTime.Equal(at) {
		t.Errorf("login = %+v, want a proof of %s", l, at)
	}
}

// A link on another site sends no browser to an upstream, and costs no call.
func TestStartFromAnotherSite(t *testing.T) {
	s := newScene(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, start, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := routetest.Do(s.route, r); a.Status != http.StatusForbidden || len(s.server.Requests()) != 0 {
		t.Errorf("a start from another site = %d after %v, want 403", a.Status, s.server.Requests())
	}
}

func TestStartIsCounted(t *testing.T) {
	s := newScene(t)
	s.Time = s.Time.Truncate(time.Minute)
	var a routetest.Answer
	for range 31 {
		a = s.open("").Get(start)
	}
	if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("start 31 of a minute = %d, want 429 with Retry-After", a.Status)
	}
}

// No secret that signs a user in is in a table or in the log, neither during a journey
// nor afterwards.
func TestNoSecretIsKept(t *testing.T) {
	s := newScene(t)
	b := s.open("")
	back := s.there(b, start)
	asked := s.server.Asked()
	onTheWay := s.stored()
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	b.Get(back)
	b.Get(back) // once more, which is refused
	s.server.Behave(upstreamtest.Manners{TokenError: "invalid_grant"})
	s.visit(s.open(""), start)
	for name, secret := range map[string]string{
		"state": asked.Get("state"), "nonce": asked.Get("nonce"), "code": u.Query().Get("code"),
		"our secret": s.server.Secret, "browser": b.Cookies[websec.FormCookie], "cookie": b.Cookies[websec.SessionCookie],
	} {
		if secret == "" {
			t.Fatalf("there is no %s", name)
		}
		for place, text := range map[string]string{"tables": s.stored(), "tables on the way": onTheWay, "log": s.Log.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s hold the %s", place, name)
			}
		}
	}
}

func TestNoSuchPlace(t *testing.T) {
	s := newScene(t)
	for path, status := range map[string]int{
		"/upstream/nowhere": http.StatusNotFound, start + "/": http.StatusSeeOther, start + "/other": http.StatusNotFound,
		"/upstream/": http.StatusNotFound, start + "?return=%2F&return=%2Faccount": http.StatusBadRequest, start + "?return=%zz": http.StatusBadRequest,
		start + "?link=a&invite=b": http.StatusBadRequest,
	} {
		if a := s.open("").Get(path); a.Status != status || a.Header.Get("Content-Type") == "application/json" {
			t.Errorf("GET %s = %d %s, want a page with %d", path, a.Status, a.Header.Get("Content-Type"), status)
		}
	}
	if contract.Upstream.Path() != "/upstream/{id}" {
		t.Errorf("the route is at %s", contract.Upstream.Path())
	}
}
