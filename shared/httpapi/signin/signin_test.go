package signin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// scene is a stage with a route that signs in the user of proof.
type scene struct {
	*routetest.Home
	proof signin.Proof
	err   error
	route http.Handler
}

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{Home: routetest.Furnish(t)}
	s.route = s.Route(contract.Login, s)
	s.as(s.Ada, oauth.AMRPassword)
	return s
}

// Serve signs a user in, or takes the second step.
func (s *scene) Serve(w http.ResponseWriter, r *http.Request) error {
	if r.PostForm.Has("step") {
		return s.Flow().Continue(w, r, s.SecondSteps())
	}
	s.err = s.Flow().SignIn(w, r, s.proof)
	return s.err
}

// as makes a user the next to sign in, who proved it with amr.
func (s *scene) as(subject string, amr ...string) {
	s.T.Helper()
	u, err := s.People().Get(context.Background(), subject)
	if err != nil {
		s.T.Fatal(err)
	}
	s.proof = signin.Proof{User: u, AMR: amr}
}

// signIn signs the next user in at a browser.
func (s *scene) signIn(b *pagetest.Browser) routetest.Answer {
	return b.Post("/login", url.Values{"x": {"y"}})
}

// login is the login of a browser, nil for none.
func (s *scene) login(b *pagetest.Browser) *session.Login {
	s.T.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: b.Cookies[websec.SessionCookie]})
	l, err := s.Browser().Optional(r)
	if err != nil {
		s.T.Fatal(err)
	}
	return l
}

func TestSignIn(t *testing.T) {
	s := newScene(t)
	s.proof.AuthTime, s.proof.Return, s.proof.Remember = s.Time.Add(-time.Minute), "/device", "a-browser"
	b := pagetest.Open(s.route, "")
	got := s.signIn(b)
	l := s.login(b)
	if got.Status != 303 || got.Header.Get("Location") != "/device" || l == nil || l.Subject != s.Ada || !slices.Equal(l.AMR, []string{"pwd"}) || !l.AuthTime.Equal(s.proof.AuthTime) {
		t.Fatalf("answer = %d %v, login %+v, want 303 to /device with a login of a minute ago", got.Status, got.Header, l)
	}
	if c := got.Cookie(websec.BrowserCookie); c == nil || c.Value != "a-browser" {
		t.Errorf("cookies = %v, want the name of the browser", got.Header.Values("Set-Cookie"))
	}
	if !strings.Contains(s.Log.String(), l.ID) || !strings.Contains(s.Log.String(), s.Ada) {
		t.Errorf("log = %s, want who and which session", s.Log.String())
	}
	s.proof.AuthTime = time.Time{}
	b = pagetest.Open(s.route, "")
	if s.signIn(b); !s.login(b).AuthTime.Equal(s.Time) {
		t.Errorf("a login without a time is of %v, want now", s.login(b).AuthTime)
	}
}

// The same user at the same browser keeps the grants under the session, with another
// cookie (design 0007; SECURITY.md: session fixation).
func TestSamePersonKeepsTheSession(t *testing.T) {
	s := newScene(t)
	before, cookie := s.Login(s.Ada)
	g, err := s.Sessions().CreateGrant(t.Context(), session.NewGrant{
		Subject: s.Ada, Client: routetest.Web, Login: before.ID, Idle: time.Hour, Absolute: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := pagetest.Open(s.route, cookie)
	s.Pass(time.Minute)
	s.proof.AMR = []string{"pop", "user", "mfa"}
	if got := s.signIn(b); got.Status != 303 {
		t.Fatalf("answer = %d %s", got.Status, got.Body)
	}
	l := s.login(b)
	if l == nil || l.ID != before.ID || b.Cookies[websec.SessionCookie] == cookie || !slices.Equal(l.AMR, s.proof.AMR) {
		t.Errorf("login = %+v, want %s with another cookie", l, before.ID)
	}
	if _, err := s.Sessions().LoginByCookie(t.Context(), cookie); err == nil {
		t.Error("the cookie before still opens the session")
	}
	if _, err := s.Sessions().Grant(t.Context(), s.Ada, g.ID); err != nil {
		t.Errorf("the grant of the session: %v, want it to live", err)
	}
	if n := s.Entries(session.ActionRenew); n != 1 {
		t.Errorf("the trail has %d renewals, want 1", n)
	}
}

// CVE-2025-12390 (Keycloak): the next user at a browser gets nothing of the session
// before.
func TestSomebodyElseEndsTheSession(t *testing.T) {
	s := newScene(t)
	eve := s.AddUser("eve")
	before, cookie := s.Login(s.Ada)
	b := pagetest.Open(s.route, cookie)
	s.as(eve, "pwd")
	if got := s.signIn(b); got.Status != 303 {
		t.Fatalf("answer = %d %s", got.Status, got.Body)
	}
	if l := s.login(b); l == nil || l.Subject != eve || l.ID == before.ID {
		t.Errorf("login = %+v, want a new one of eve", l)
	}
	if items, err := s.Sessions().List(t.Context(), s.Ada); err != nil || len(items) != 0 {
		t.Errorf("ada has %v, %v, want nothing", items, err)
	}
}

// A session that ended is no session: the next sign-in makes a new one.
func TestAfterTheEnd(t *testing.T) {
	s := newScene(t)
	before, cookie := s.Login(s.Ada)
	if _, err := s.Sessions().EndLogin(t.Context(), s.Ada, before.ID, session.Cause{Why: session.LoggedOut, Actor: s.Ada}); err != nil {
		t.Fatal(err)
	}
	b := pagetest.Open(s.route, cookie)
	if s.signIn(b); s.login(b) == nil || s.login(b).ID == before.ID {
		t.Errorf("login = %+v, want a new one", s.login(b))
	}
}

func TestSwitchedOff(t *testing.T) {
	s := newScene(t)
	s.proof.User.Disabled = true
	b := pagetest.Open(s.route, "")
	got := s.signIn(b)
	if got.Status != 403 || !strings.Contains(got.Body, web.SwitchedOff("").Title) || !strings.Contains(got.Body, "Ask your administrator") || b.Cookies[websec.SessionCookie] != "" {
		t.Errorf("answer = %d %s, want 403 in words and no session", got.Status, got.Body)
	}
}

// A user who was signed out everywhere after they were read is neither signed in nor
// answered.
func TestStale(t *testing.T) {
	s := newScene(t)
	if _, err := s.Sessions().EndAll(t.Context(), s.Ada, session.Cause{Why: session.Admin, Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	b := pagetest.Open(s.route, "")
	if got := s.signIn(b); s.err == nil || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("Enter = %v with %v, want session.ErrStale and no cookie", s.err, got.Header)
	}
}

// The writes in Also happen with the sign-in, and are not lost on the way to the
// second step.
func TestAlso(t *testing.T) {
	s := newScene(t)
	table := s.Table(contract.Sessions)
	s.proof.Also = []dynamo.Write{dynamo.Create(table, dynamo.Key("once#test", "x"))}
	b := pagetest.Open(s.route, "")
	if got := s.signIn(b); got.Status != 303 {
		t.Fatalf("answer = %d %s", got.Status, got.Body)
	}
	before := s.login(b)
	if s.signIn(b); s.err == nil || s.login(b) == nil || s.login(b).ID != before.ID {
		t.Errorf("Enter with the write again = %v, want an error and the login as before", s.err)
	}
	s.AddApp(s.Ada)
	also := s.proof.Also
	s.as(s.Ada, "pwd")
	s.proof.Also = also
	if got := s.signIn(pagetest.Open(s.route, "")); s.err == nil || got.Status < 500 {
		t.Errorf("Enter of somebody who lacks the second step, with writes = %d, %v, want a fault", got.Status, s.err)
	}
}

func TestDestination(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for asked, want := range map[string]string{
		"": "/account", "/account": "/account", "/": "/", "/device": "/device",
		"/account?open=ways": "/account?open=ways", "/device?user_code=BCDF-GHJK": "/device?user_code=BCDF-GHJK",
		"/authorize?client_id=web": "/authorize?client_id=web", "/authorize": "/account", "/authorize?" + long: "/account",
		"/account?a b": "/account", "/account?\r\nX: y": "/account", "//evil.example?x": "/account", "/upstream/x?y": "/account",
		"/account/../x?y": "/account", "https://evil.example/account?x": "/account", "/account\\?x": "/account", "/login?x": "/account",
	} {
		if got := signin.Destination(asked); got != want {
			t.Errorf("Destination(%.60q) = %.60q, want %.60q", asked, got, want)
		}
	}
	for _, tt := range []struct{ asked, to, want string }{
		{"/authorize?client_id=web", "https:", "https:"},
		{"/authorize?client_id=web", "*", ""},
		{"/account?x", "https:", ""},
		{"https://evil.example", "https:", ""},
	} {
		if got := signin.Source(tt.asked, tt.to); got != tt.want {
			t.Errorf("Source(%q, %q) = %q, want %q", tt.asked, tt.to, got, tt.want)
		}
	}
}

// FuzzDestination: whatever destination a request asks for, it is one of our own
// pages.
func FuzzDestination(f *testing.F) {
	for _, seed := range []string{"/account", "/account?open=x", "/authorize?client_id=web&state=a%2Bb", "//evil.example", "/\\evil", "/device?\r\n", "/account?\u00e9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, asked string) {
		got := signin.Destination(asked)
		u, err := url.Parse(got)
		if err != nil || u.IsAbs() || u.Host != "" || !slices.Contains([]string{"/", "/account", "/device", "/authorize"}, u.Path) || strings.ContainsAny(got, "\r\n\t \\\"<>") {
			t.Errorf("Destination(%q) = %q, want a page of ours", asked, got)
		}
	})
}

// disabled disables a user.
var disabled = admin.Disabled()
