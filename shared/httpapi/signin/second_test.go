package signin_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// first takes the first step of ada, who has an app, and returns the form of the
// second step.
func (s *scene) first(b *pagetest.Browser) url.Values {
	s.T.Helper()
	s.as(s.Ada, "pwd")
	s.proof.Return = "/device"
	got := s.signIn(b)
	forms := pagetest.Forms(got.Body)
	if got.Status != 200 || len(forms) != 2 || forms[0].Get("step") == "" {
		s.T.Fatalf("the first step = %d %s, want the page of the second", got.Status, got.Body)
	}
	return forms[0]
}

// with is a form with another value in it.
func with(form url.Values, name, value string) url.Values {
	form = maps.Clone(form)
	form.Set(name, value)
	return form
}

// CVE-2025-64103 (Zitadel): a user who has taken one of two steps is signed in
// nowhere.
func TestCVE202564103OneOfTwoStepsIsNoSession(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.first(b)
	nothing := func(when string) {
		t.Helper()
		items, err := s.Sessions().List(t.Context(), s.Ada)
		if err != nil || len(items) != 0 || b.Cookies[websec.SessionCookie] != "" || s.Entries(session.ActionLogin) != 0 {
			t.Fatalf("%s there is %v, %v, cookie %q: want no session of any kind", when, items, err, b.Cookies[websec.SessionCookie])
		}
	}
	nothing("after the first step")
	if got := b.Post("/login", with(form, "code", app.Wrong())); got.Status != 400 || !strings.Contains(got.Body, web.WrongCode) {
		t.Fatalf("a wrong code = %d %s", got.Status, got.Body)
	}
	nothing("after a wrong code")
	// The note of the first step is no cookie.
	thief := pagetest.Open(s.route, form.Get("step"))
	if l := s.login(thief); l != nil {
		t.Errorf("the note of the first step opens %+v", l)
	}
	got := b.Post("/login", with(form, "code", app.Code()))
	l := s.login(b)
	if got.Status != 303 || got.Header.Get("Location") != "/device" || l == nil || !slices.Equal(l.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("the right code = %d to %q, login %+v, want one of two factors", got.Status, got.Header.Get("Location"), l)
	}
	if got.Cookie(websec.BrowserCookie) == nil {
		t.Error("the browser got no name")
	}
}

// A user with an app who signs in with a passkey needs no second step.
func TestPasskeyNeedsNoSecondStep(t *testing.T) {
	s := newScene(t)
	s.AddApp(s.Ada)
	s.as(s.Ada, "pop", "user", "mfa")
	b := pagetest.Open(s.route, "")
	if got := s.signIn(b); got.Status != 303 || s.login(b) == nil {
		t.Errorf("answer = %d %s, want a session", got.Status, got.Body)
	}
}

// A sign-in at an upstream is one step.
func TestUpstreamNeedsTheSecondStep(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	s.as(s.Ada, "fed")
	b := pagetest.Open(s.route, "")
	form := pagetest.Forms(s.signIn(b).Body)[0]
	if b.Post("/login", with(form, "code", app.Code())); s.login(b) == nil || !slices.Equal(s.login(b).AMR, []string{"fed", "otp", "mfa"}) {
		t.Errorf("login = %+v, want one by an upstream and a code", s.login(b))
	}
}

// CVE-2025-46815 (Zitadel): a code, and a sign-in that was completed, are good once.
func TestACodeIsGoodOnce(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	b := pagetest.Open(s.route, "")
	form := with(s.first(b), "code", app.Code())
	if got := b.Post("/login", form); got.Status != 303 {
		t.Fatalf("the first time = %d", got.Status)
	}
	thief := pagetest.Open(s.route, "")
	for name, got := range map[string]routetest.Answer{
		"the same form":              b.Post("/login", form),
		"the code in another form":   thief.Post("/login", with(s.first(thief), "code", app.Code())),
		"a recovery code, twice":     s.twice(app.Recovery[0]),
		"a recovery code, respelled": s.again(strings.ToUpper(strings.ReplaceAll(app.Recovery[0], "-", " "))),
	} {
		if got.Status != 400 || !strings.Contains(got.Body, web.WrongCode) || got.Cookie(websec.SessionCookie) != nil {
			t.Errorf("%s = %d %s, want 400 and no session", name, got.Status, got.Body)
		}
	}
	s.Pass(routetest.CodeLife)
	if got := b.Post("/login", with(s.first(b), "code", app.Code())); got.Status != 303 {
		t.Errorf("the next code = %d, want 303", got.Status)
	}
}

// again signs in with a code in a new browser.
func (s *scene) again(code string) routetest.Answer {
	b := pagetest.Open(s.route, "")
	return b.Post("/login", with(s.first(b), "code", code))
}

// twice is the second answer to the same code.
func (s *scene) twice(code string) routetest.Answer {
	s.again(code)
	return s.again(code)
}

// Of many requests with one code at once, one signs in.
func TestOneCodeAtOnce(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	type visit struct {
		b    *pagetest.Browser
		form url.Values
	}
	var visits []visit
	for range throttle.Free {
		b := pagetest.Open(s.route, "")
		visits = append(visits, visit{b, with(s.first(b), "code", app.Recovery[3])})
	}
	var all sync.WaitGroup
	for _, v := range visits {
		all.Go(func() { v.b.Post("/login", v.form) })
	}
	all.Wait()
	in := 0
	for _, v := range visits {
		if v.b.Cookies[websec.SessionCookie] != "" {
			in++
		}
	}
	if in != 1 || s.Entries(session.ActionLogin) != 1 {
		t.Errorf("%d got in with one code, and the trail has %d sign-ins, want 1", in, s.Entries(session.ActionLogin))
	}
}

func TestRecoveryCodes(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	for i, want := range []string{"9 recovery codes left", "8 recovery codes", "7", "6", "5", "4", "You have 3 recovery codes left. Create new ones", "2", "You have 1 recovery code left.", "your last recovery code"} {
		b := pagetest.Open(s.route, "")
		got := b.Post("/login", with(s.first(b), "code", app.Recovery[i]))
		if got.Status != 200 || !strings.Contains(got.Body, want) || !strings.Contains(got.Body, `href="/device"`) {
			t.Fatalf("recovery code %d = %d %s, want a page with %q that leads on", i, got.Status, got.Body, want)
		}
		if l := s.login(b); l == nil || !slices.Equal(l.AMR, []string{"pwd", "otp", "mfa"}) {
			t.Fatalf("recovery code %d: login %+v, want one of two factors", i, l)
		}
		s.Pass(throttle.Memory)
	}
	// The app works as before.
	b := pagetest.Open(s.route, "")
	if got := b.Post("/login", with(s.first(b), "code", app.Code())); got.Status != 303 {
		t.Errorf("a code of the app = %d, want 303", got.Status)
	}
}

// CVE-2026-18963 (Keycloak): a step is good for the flow, the user and the browser
// that it belongs to, and for a short time.
func TestCVE202618963StepsOutOfOrder(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	eve := s.AddUser("eve")
	b := pagetest.Open(s.route, "")
	form := s.first(b)
	_, cookie := s.Login(eve)
	for name, try := range map[string]func() routetest.Answer{
		"no first step":      func() routetest.Answer { return b.Post("/login", with(form, "step", "tsx_")) },
		"a note cut":         func() routetest.Answer { return b.Post("/login", with(form, "step", form.Get("step")[:40])) },
		"a cookie as a note": func() routetest.Answer { return b.Post("/login", with(form, "step", cookie)) },
		"another browser": func() routetest.Answer {
			other := pagetest.Open(s.route, "")
			s.first(other)
			return other.Post("/login", with(form, "code", app.Code()))
		},
		"a browser without a name": func() routetest.Answer {
			return pagetest.Open(s.route, "").Post("/login", with(form, "code", app.Code()))
		},
	} {
		got := try()
		if got.Status != 400 || !strings.Contains(got.Body, web.BeginAgain("").Title) || got.Cookie(websec.SessionCookie) != nil {
			t.Errorf("%s = %d %s, want to begin again", name, got.Status, got.Body)
		}
	}
	s.Pass(signin.StepLife + time.Second)
	got := b.Post("/login", with(form, "code", app.Code()))
	if got.Status != 400 || !strings.Contains(got.Body, `href="/login?return=%2Fdevice"`) {
		t.Errorf("after six minutes = %d %s, want a link to begin again", got.Status, got.Body)
	}
	if n := s.Entries(session.ActionLogin); n != 1 {
		t.Errorf("the trail has %d sign-ins, want that of eve alone", n)
	}
}

// CVE-2026-16103 (Keycloak): a change to a user between the two steps counts.
func TestBetweenTheSteps(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *scene){
		"disabled": func(t *testing.T, s *scene) {
			t.Helper()
			if _, err := s.Sessions().ChangeUser(t.Context(), s.Ada, disabled, session.Cause{Why: session.Disabled, Actor: "test"}); err != nil {
				t.Fatal(err)
			}
		},
		"signed out everywhere": func(t *testing.T, s *scene) {
			t.Helper()
			if _, err := s.Sessions().EndAll(t.Context(), s.Ada, session.Cause{Why: session.Admin, Actor: "test"}); err != nil {
				t.Fatal(err)
			}
		},
		"another app": func(t *testing.T, s *scene) {
			t.Helper()
			u, err := s.People().Get(t.Context(), s.Ada)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Apps().Remove(t.Context(), u, ""); err != nil {
				t.Fatal(err)
			}
			s.AddApp(s.Ada)
		},
		"a new passkey": func(_ *testing.T, s *scene) { s.AddPasskey(s.Ada, s.Authenticator()) },
		"the keys are gone": func(t *testing.T, s *scene) {
			t.Helper()
			d, err := keys.Generate(s.Time)
			if err != nil {
				t.Fatal(err)
			}
			s.Document = d
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			app := s.AddApp(s.Ada)
			b := pagetest.Open(s.route, "")
			form := with(s.first(b), "code", app.Code())
			change(t, s)
			if got := b.Post("/login", form); got.Status != 400 || !strings.Contains(got.Body, web.BeginAgain("").Title) || got.Cookie(websec.SessionCookie) != nil {
				t.Errorf("answer = %d %s, want to begin again", got.Status, got.Body)
			}
		})
	}
}
