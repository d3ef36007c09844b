package login_test

import (
	"errors"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

var options = regexp.MustCompile(`data-options="([^"]*)"`)

// asked returns the passkey options of a page, and the form that takes the response.
func asked(t *testing.T, page string) (string, url.Values) {
	t.Helper()
	found := options.FindStringSubmatch(page)
	if len(found) != 2 {
		t.Fatalf("the page asks for no passkey:\n%s", page)
	}
	return html.UnescapeString(found[1]), pagetest.Forms(page)[0]
}

// touch signs in with a passkey at a browser: one click on the page.
func touch(t *testing.T, b *pagetest.Browser, a *routetest.Authenticator, path string) routetest.Answer {
	t.Helper()
	want, form := asked(t, b.Get(path).Body)
	form.Set("passkey", a.Get(want))
	return b.Post("/login", form)
}

// owner is a stage where ada has a passkey.
func owner(t *testing.T) (*home, *routetest.Authenticator) {
	t.Helper()
	h := newHome(t)
	a := h.Authenticator()
	h.AddPasskey(h.Ada, a)
	return h, a
}

// opened returns the login of a browser, nil for none.
func (h *home) opened(b *pagetest.Browser) *session.Login {
	h.T.Helper()
	l, err := h.Sessions().LoginByCookie(h.T.Context(), b.Cookies[websec.SessionCookie])
	if errors.Is(err, session.ErrEnded) {
		return nil
	}
	if err != nil {
		h.T.Fatal(err)
	}
	return l
}

func TestPasskey(t *testing.T) {
	h, a := owner(t)
	b := pagetest.Open(h.route, "")
	got := touch(t, b, a, "/login?return=%2Fdevice")
	l := h.opened(b)
	if got.Status != 303 || got.Header.Get("Location") != "/device" || l == nil || l.Subject != h.Ada || !slices.Equal(l.AMR, []string{"pop", "user", "mfa"}) {
		t.Fatalf("answer = %d %v, login %+v, want ada by a passkey", got.Status, got.Header, l)
	}
	if n := h.Entries(session.ActionLogin); n != 1 || h.Entries(audit.PasskeyRegress) != 0 {
		t.Errorf("the trail has %d sign-ins and %d regressions, want 1 and none", n, h.Entries(audit.PasskeyRegress))
	}
	// A user who has proved two factors already needs no code of an app.
	h.AddApp(h.Ada)
	again := pagetest.Open(h.route, "")
	if got := touch(t, again, a, "/login"); got.Status != 303 || h.opened(again) == nil {
		t.Errorf("with an app = %d %s, want a session", got.Status, got.Body)
	}
}

// A sign-in with a passkey costs two reads and one transaction.
func TestCostOfAPasskey(t *testing.T) {
	h, a := owner(t)
	counter := h.Count()
	h.route = h.with(h.People())
	b := pagetest.Open(h.route, "")
	want, form := asked(t, b.Get("/login").Body)
	if len(counter.Calls) != 0 {
		t.Errorf("the page made the calls %v, want none", counter.Calls)
	}
	form.Set("passkey", a.Get(want))
	counter.Calls = nil
	if got := b.Post("/login", form); got.Status != 303 {
		t.Fatalf("answer = %d %s", got.Status, got.Body)
	}
	if want := []string{"GetItem", "GetItem", "TransactWriteItems"}; !slices.Equal(counter.Calls, want) {
		t.Errorf("a sign-in made the calls %v, want %v", counter.Calls, want)
	}
	form.Set("passkey", a.Get(strings.Replace(want, `"challenge":"`, `"challenge":"AAAA`, 1)))
	counter.Calls = nil
	if got := b.Post("/login", form); got.Status != 400 || len(counter.Calls) != 0 {
		t.Errorf("a challenge that is not ours = %d with the calls %v, want 400 and none", got.Status, counter.Calls)
	}
}

// An overheard response, or one made for another purpose, signs no user in, and all
// such responses get the same answer.
func TestForeignPasskeys(t *testing.T) {
	for name, tt := range map[string]struct {
		// change breaks the device, and post changes the form that is sent.
		change  func(*routetest.Authenticator)
		post    func(*testing.T, *home, *pagetest.Browser, url.Values) routetest.Answer
		problem string
		// recorded is the number of refusals in the audit trail.
		recorded int
	}{
		"another browser": {post: func(t *testing.T, h *home, _ *pagetest.Browser, form url.Values) routetest.Answer {
			t.Helper()
			thief := pagetest.Open(h.route, "")
			thief.Get("/login")
			return thief.Post("/login", form)
		}},
		"a browser without a name": {post: func(_ *testing.T, h *home, _ *pagetest.Browser, form url.Values) routetest.Answer {
			return pagetest.Open(h.route, "").Post("/login", form)
		}},
		"five minutes later": {problem: web.SlowPasskey, post: func(_ *testing.T, h *home, b *pagetest.Browser, form url.Values) routetest.Answer {
			h.Pass(passkey.Life)
			return b.Post("/login", form)
		}},
		"nonsense": {post: func(_ *testing.T, _ *home, b *pagetest.Browser, form url.Values) routetest.Answer {
			form.Set("passkey", `{"id":"x"}`)
			return b.Post("/login", form)
		}},
		"a passkey that was removed": {post: func(t *testing.T, h *home, b *pagetest.Browser, form url.Values) routetest.Answer {
			t.Helper()
			h.forget(t)
			return b.Post("/login", form)
		}},
		"another site":            {change: func(a *routetest.Authenticator) { a.Origin = "https://evil.example" }},
		"another party":           {change: func(a *routetest.Authenticator) { a.RPID = "evil.example" }, recorded: 1},
		"nobody at the device":    {change: func(a *routetest.Authenticator) { a.Absent = true }, recorded: 1},
		"a finger nobody checked": {change: func(a *routetest.Authenticator) { a.Unverified = true }, recorded: 1},
		"somebody else's":         {change: func(a *routetest.Authenticator) { a.UserHandle = "usr_nobody" }},
		"nobody's":                {change: func(a *routetest.Authenticator) { a.UserHandle = "demo" }},
	} {
		t.Run(name, func(t *testing.T) {
			h, a := owner(t)
			b := pagetest.Open(h.route, "")
			want, form := asked(t, b.Get("/login?return=%2Fdevice").Body)
			if tt.change != nil {
				tt.change(a)
			}
			form.Set("passkey", a.Get(want))
			if tt.post == nil {
				tt.post = func(_ *testing.T, _ *home, b *pagetest.Browser, form url.Values) routetest.Answer {
					return b.Post("/login", form)
				}
			}
			problem := tt.problem
			if problem == "" {
				problem = web.WrongPasskey
			}
			got := tt.post(t, h, b, form)
			if got.Status != 400 || !strings.Contains(got.Body, problem) || got.Cookie(websec.SessionCookie) != nil || h.Entries(session.ActionLogin) != 0 {
				t.Errorf("answer = %d %s, want 400, %q and no session", got.Status, got.Body, problem)
			}
			if f := passwordForm(got.Body); f == nil || f.Get("return") != "/device" {
				t.Errorf("the page afterwards does not lead to where it did:\n%s", got.Body)
			}
			if n := h.Entries(audit.LoginRefuse); n != tt.recorded {
				t.Errorf("the trail has %d refusals, want %d", n, tt.recorded)
			}
		})
	}
}

// forget removes the passkeys of ada.
func (h *home) forget(t *testing.T) {
	t.Helper()
	store := h.Passkeys().Store
	u, err := h.People().Get(t.Context(), h.Ada)
	if err != nil {
		t.Fatal(err)
	}
	all, err := store.List(t.Context(), h.Ada)
	if err != nil || len(all) != 1 {
		t.Fatalf("List = %v, %v, want one passkey", all, err)
	}
	if err := store.Remove(t.Context(), u, &all[0], ""); err != nil {
		t.Fatal(err)
	}
}

// CVE-2025-46815 (Zitadel): a passkey's response works once.
func TestPasskeyReplay(t *testing.T) {
	h, a := owner(t)
	b := pagetest.Open(h.route, "")
	want, form := asked(t, b.Get("/login").Body)
	form.Set("passkey", a.Get(want))
	if got := b.Post("/login", form); got.Status != 303 {
		t.Fatalf("the first time = %d %s", got.Status, got.Body)
	}
	cookie := b.Cookies[websec.SessionCookie]
	got := b.Post("/login", form)
	if got.Status != 400 || b.Cookies[websec.SessionCookie] != cookie || h.opened(b) == nil {
		t.Errorf("the second time = %d %s, want 400 and the session as it was", got.Status, got.Body)
	}
	// The same challenge, signed a second time.
	delete(b.Cookies, websec.SessionCookie)
	form.Set("passkey", a.Get(want))
	if got := b.Post("/login", form); got.Status != 400 || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("another signature of the same challenge = %d %s, want 400", got.Status, got.Body)
	}
}

// A copy of a passkey is recorded and locks no user out.
func TestCloneIsRecorded(t *testing.T) {
	h, a := owner(t)
	copied := a.Clone()
	for range 3 {
		if got := touch(t, pagetest.Open(h.route, ""), a, "/login"); got.Status != 303 {
			t.Fatalf("the owner = %d %s", got.Status, got.Body)
		}
	}
	if got := touch(t, pagetest.Open(h.route, ""), copied, "/login"); got.Status != 303 || h.Entries(audit.PasskeyRegress) != 1 {
		t.Errorf("the copy = %d with %d entries, want 303 and 1", got.Status, h.Entries(audit.PasskeyRegress))
	}
}

// A disabled user who proves who they are learns that they are disabled, and what to
// do.
func TestPasskeyOfTheDisabled(t *testing.T) {
	h, a := owner(t)
	h.switchOff(h.Ada)
	got := touch(t, pagetest.Open(h.route, ""), a, "/login")
	if got.Status != 403 || !strings.Contains(got.Body, web.SwitchedOff("").Title) || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("answer = %d %s, want 403 in words", got.Status, got.Body)
	}
	a.Unverified = true
	if got := touch(t, pagetest.Open(h.route, ""), a, "/login"); got.Status != 400 || strings.Contains(got.Body, web.SwitchedOff("").Title) {
		t.Errorf("without proof = %d, want 400 as for everybody", got.Status)
	}
}

// A sign-in with a passkey does not wait, however many attempts guess the password.
func TestPasskeyWaitsForNobody(t *testing.T) {
	h, a := owner(t)
	b := pagetest.Open(h.route, "")
	for range throttle.Free + 2 {
		b.Post("/login", fill(t, b, "ada", "wrong"))
	}
	if got := touch(t, b, a, "/login"); got.Status != 303 {
		t.Errorf("answer = %d %s, want 303", got.Status, got.Body)
	}
}

// The form of another site signs no user in with a passkey either.
func TestPasskeyOfAnotherSite(t *testing.T) {
	h, a := owner(t)
	b := pagetest.Open(h.route, "")
	want, form := asked(t, b.Get("/login").Body)
	form.Set("passkey", a.Get(want))
	if got := b.PostFrom("/login", form, "https://evil.example", "cross-site"); got.Status != 403 || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("answer = %d, want 403", got.Status)
	}
}
