package login_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/route/login"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// home is a stage with the route.
type home struct {
	*routetest.Home
	route http.Handler
	// These are the upstreams on the page. down is the reason why they cannot be read.
	elsewhere []web.Upstream
	down      error
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{Home: routetest.Furnish(t)}
	h.route = h.with(h.People())
	return h
}

// with is the route with another store of users.
func (h *home) with(people *identity.Store) http.Handler {
	return h.Route(contract.Login, &login.Handler{
		Issuer: routetest.Issuer, Auth: h.Auth(), Issue: h.Issuer(), People: people, Forms: h.Forms(), Throttle: h.Throttle(),
		Flow: h.Flow(), Codes: h.SecondSteps(), Passkeys: h.Passkeys().Verifier, Upstreams: h.upstreams,
	})
}

// upstreams returns the upstreams of the stage.
func (h *home) upstreams(context.Context) ([]web.Upstream, error) { return h.elsewhere, h.down }

// fill opens the page in a browser and fills in the form with the password.
func fill(t *testing.T, b *pagetest.Browser, userName, password string) url.Values {
	t.Helper()
	return filled(t, b.Get("/login"), userName, password)
}

// filled returns the form with the password of a page, filled in.
func filled(t *testing.T, page routetest.Answer, userName, password string) url.Values {
	t.Helper()
	form := passwordForm(page.Body)
	if form == nil {
		t.Fatalf("the page = %d has no form for a password:\n%s", page.Status, page.Body)
	}
	form.Set("user_name", userName)
	form.Set("password", password)
	return form
}

// passwordForm returns the form with the password of a page, nil if there is none.
func passwordForm(page string) url.Values {
	for _, form := range pagetest.Forms(page) {
		if form.Has("csrf") {
			return form
		}
	}
	return nil
}

func TestSignIn(t *testing.T) {
	h := newHome(t)
	b := pagetest.Open(h.route, "")
	got := b.Post("/login", fill(t, b, "Ada", routetest.Password))
	if got.Status != 303 || got.Header.Get("Location") != "/account" || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answer = %d %v, want 303 to the account", got.Status, got.Header)
	}
	sid := got.Cookie(websec.SessionCookie)
	if sid == nil || sid.MaxAge != int(session.LoginLife/time.Second) || sid.SameSite != http.SameSiteLaxMode || !sid.HttpOnly || !sid.Secure || sid.Path != "/" || sid.Domain != "" {
		t.Fatalf("cookie = %v, want one of our own for twelve hours", sid)
	}
	l, err := h.Sessions().LoginByCookie(t.Context(), sid.Value)
	if err != nil || l.Subject != h.Ada || l.Agent != "Firefox on Linux" || l.IP != "203.0.113.0/24" {
		t.Errorf("login = %+v, %v, want one of ada in this browser", l, err)
	}
	if n := h.Entries(session.ActionLogin); n != 1 {
		t.Errorf("the trail has %d logins, want 1", n)
	}
	if log := h.Log.String(); strings.Contains(log, routetest.Password) || strings.Contains(log, sid.Value) || !strings.Contains(log, l.ID) {
		t.Errorf("log = %s, want the session and no secret", log)
	}
}

// Every sign-in begins a new session and ends the one that the browser had, of any
// user. A cookie that another party planted is worth nothing afterwards.
func TestNewSessionAtEverySignIn(t *testing.T) {
	h := newHome(t)
	h.AddUser("eve")
	planted, cookie := h.Login(h.Ada)
	b := pagetest.Open(h.route, cookie)
	for _, name := range []string{"ada", "eve"} {
		before := b.Cookies[websec.SessionCookie]
		if got := b.Post("/login", fill(t, b, name, routetest.Password)); got.Status != 303 {
			t.Fatalf("sign-in of %s = %d %s", name, got.Status, got.Body)
		}
		if after := b.Cookies[websec.SessionCookie]; after == before {
			t.Errorf("sign-in of %s kept the cookie", name)
		}
		if _, err := h.Sessions().LoginByCookie(t.Context(), before); err == nil {
			t.Errorf("after the sign-in of %s the session before lives", name)
		}
	}
	if items, err := h.Sessions().List(t.Context(), h.Ada); err != nil || len(items) != 0 {
		t.Errorf("ada has %v, %v, want nothing of %s left", items, err, planted.ID)
	}
}

// The answers to unknown names, wrong passwords and disabled users are the same.
func TestRefusedSignInsLookTheSame(t *testing.T) {
	h := newHome(t)
	h.disable("grace")
	var first routetest.Answer
	for i, try := range [][2]string{
		{"ada", "wrong"},
		{"nobody", "wrong"},
		{"nobody", routetest.Password},
		{"grace", routetest.Password},
		{"grace", "wrong"},
		{"ada", ""},
		{"no name", "wrong"},
		{"ada ", routetest.Password},
		{"ada", strings.Repeat("x", 2000)},
	} {
		b := pagetest.Open(h.route, "")
		got := b.Post("/login", fill(t, b, try[0], try[1]))
		if got.Status != 400 || !strings.Contains(got.Body, web.WrongPassword) || got.Cookie(websec.SessionCookie) != nil {
			t.Fatalf("%q = %d, want 400 with the form", try, got.Status)
		}
		if !strings.Contains(got.Body, `value="`+try[0]+`"`) {
			t.Errorf("%q: the form forgot the name", try)
		}
		if strings.Contains(got.Body, routetest.Password) {
			t.Errorf("%q: the page holds the password", try)
		}
		if i == 0 {
			first = got
			continue
		}
		if a, b := shape(got, try[0]), shape(first, "ada"); a != b {
			t.Errorf("%q and a wrong password differ from byte %d on: %.100q", try, differ(a, b), a[differ(a, b):])
		}
		h.Pass(throttle.Memory)
	}
	if n := h.Entries(audit.LoginRefuse); n != 5 {
		t.Errorf("the trail has %d refusals, want those of the two who exist, 5", n)
	}
	if log := h.Log.String(); strings.Contains(log, "no name") || strings.Contains(log, "nobody") {
		t.Error("the log holds what a stranger typed")
	}
}

// disabled disables a user.
var disabled = admin.Disabled()

// disable adds a user and disables them.
func (h *home) disable(userName string) {
	h.T.Helper()
	h.switchOff(h.AddUser(userName))
}

// switchOff disables the user with this subject.
func (h *home) switchOff(subject string) {
	h.T.Helper()
	if _, err := h.Sessions().ChangeUser(context.Background(), subject, disabled, session.Cause{Why: session.Disabled, Actor: "test"}); err != nil {
		h.T.Fatal(err)
	}
}

// differ returns the position at which two texts differ.
func differ(a, b string) int {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return i
}

// challenges finds the challenges in the passkey options of a page.
var challenges = regexp.MustCompile(`challenge&#34;:&#34;[^&]*`)

// shape returns an answer without the values that are new in every answer and without
// the typed name.
func shape(a routetest.Answer, userName string) string {
	body := strings.ReplaceAll(a.Body, passwordForm(a.Body).Get("csrf"), "…")
	body = challenges.ReplaceAllString(body, "…")
	body = strings.ReplaceAll(body, `value="`+userName+`"`, `value="…"`)
	for name := range a.Header {
		if name != "Set-Cookie" {
			body += name + a.Header.Get(name)
		}
	}
	return body[:strings.LastIndex(body, "</html>")]
}

func TestTooManyTries(t *testing.T) {
	h := newHome(t)
	for _, name := range []string{"ada", "nobody"} {
		b := pagetest.Open(h.route, "")
		var got routetest.Answer
		for range throttle.Free + 1 {
			got = b.Post("/login", fill(t, b, name, "wrong"))
		}
		if got.Status != 429 || got.Header.Get("Retry-After") != "1" || !strings.Contains(got.Body, web.TooManyTries) {
			t.Errorf("%s = %d, Retry-After %q, want 429 and a second", name, got.Status, got.Header.Get("Retry-After"))
		}
		// The right password gets the same answer, so the answer tells nothing about
		// the password.
		if got := b.Post("/login", fill(t, b, name, routetest.Password)); got.Status != 429 {
			t.Errorf("%s with the right password = %d, want 429", name, got.Status)
		}
	}
	if !strings.Contains(h.Log.String(), `"Throttled":1`) {
		t.Error("the log does not count what was throttled")
	}
}

// Clients that guess slow down each other, and not the user at a browser that has
// signed in before.
func TestTheOwnerDoesNotWait(t *testing.T) {
	h := newHome(t)
	owner, stranger := pagetest.Open(h.route, ""), pagetest.Open(h.route, "")
	owner.Post("/login", fill(t, owner, "ada", routetest.Password))
	if owner.Cookies[websec.BrowserCookie] == "" {
		t.Fatal("the browser got no name")
	}
	for range throttle.Free + 2 {
		stranger.Post("/login", fill(t, stranger, "ada", "wrong"))
	}
	if got := stranger.Post("/login", fill(t, stranger, "ada", "wrong")); got.Status != 429 {
		t.Fatalf("stranger = %d, want 429", got.Status)
	}
	if got := owner.Post("/login", fill(t, owner, "ada", routetest.Password)); got.Status != 303 {
		t.Errorf("owner = %d %s, want 303", got.Status, got.Body)
	}
}

// When a table cannot be reached, the page reports that, and not a wrong password.
func TestOutageOfThePage(t *testing.T) {
	h := newHome(t)
	b := pagetest.Open(h.route, "")
	form := fill(t, b, "ada", routetest.Password)
	people := h.People()
	people.Registry = "no-such-table"
	b.Route = h.with(people)
	got := b.Post("/login", form)
	if got.Status != 503 || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || got.Header.Get("Retry-After") == "" || strings.Contains(got.Body, "no-such-table") {
		t.Errorf("answer = %d %v %s, want a page with 503 and no detail", got.Status, got.Header, got.Body)
	}
}
