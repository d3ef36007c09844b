package login_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// A form of another browser, another site or another day signs no user in.
func TestForeignForms(t *testing.T) {
	h := newHome(t)
	victim, attacker := pagetest.Open(h.route, ""), pagetest.Open(h.route, "")
	own := fill(t, victim, "ada", routetest.Password)
	without := func(name, value string) url.Values {
		form := url.Values{}
		for n, v := range own {
			form[n] = v
		}
		form.Set(name, value)
		return form
	}
	tests := []struct {
		name         string
		form         url.Values
		origin, site string
		status       int
	}{
		{"another site", own, "https://evil.example", "cross-site", 403},
		{"a neighbour", own, routetest.App, "same-site", 403},
		{"a hidden origin", own, "null", "", 403},
		{"nobody", own, "", "", 403},
		{"no token", without("csrf", ""), routetest.Issuer, "same-origin", 400},
		{"the attacker's own form", fill(t, attacker, "ada", routetest.Password), routetest.Issuer, "same-origin", 400},
		{"a token of nothing", without("csrf", "a.b.c"), routetest.Issuer, "same-origin", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := victim.PostFrom("/login", tt.form, tt.origin, tt.site)
			if got.Status != tt.status || got.Cookie(websec.SessionCookie) != nil || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
				t.Errorf("answer = %d %v, want a page with %d and no session", got.Status, got.Header, tt.status)
			}
		})
	}
	h.Pass(websec.FormLife + time.Minute)
	got := victim.Post("/login", own)
	if got.Status != 400 || !strings.Contains(got.Body, web.ExpiredForm) || passwordForm(got.Body) == nil {
		t.Errorf("yesterday's form = %d, want 400 with a new one", got.Status)
	}
	fresh := passwordForm(got.Body)
	fresh.Set("user_name", "ada")
	fresh.Set("password", routetest.Password)
	if got := victim.Post("/login", fresh); got.Status != 303 {
		t.Errorf("the new form = %d, want 303", got.Status)
	}
}

// A sign-in leads to one of our own pages, whatever the address asks for.
func TestDestinations(t *testing.T) {
	h := newHome(t)
	for asked, want := range map[string]string{
		"": "/account", "/account": "/account", "/": "/",
		"https://evil.example": "/account", "//evil.example": "/account", "/\\evil.example": "/account", "/account/../x": "/account",
		"/account?open=ways": "/account?open=ways", "/account?x y": "/account", "/accounts?x": "/account", "javascript:alert(1)": "/account", " /": "/account", "/%2f%2fevil.example": "/account", "/ACCOUNT": "/account",
	} {
		b := pagetest.Open(h.route, "")
		page := b.Get("/login?return=" + url.QueryEscape(asked))
		form := passwordForm(page.Body)
		if form.Get("return") != want || asked != want && asked != "" && strings.Contains(page.Body, "evil") {
			t.Errorf("return=%s: the form has %q, want %q", asked, form.Get("return"), want)
		}
		if !strings.HasPrefix(asked, "/") {
			continue // the same path, and each password takes its time
		}
		form.Set("user_name", "ada")
		form.Set("password", routetest.Password)
		form.Set("return", asked)
		if got := b.Post("/login", form); got.Status != 303 || got.Header.Get("Location") != want {
			t.Errorf("return=%s posted: %d to %q, want 303 to %q", asked, got.Status, got.Header.Get("Location"), want)
		}
		h.Pass(time.Minute)
	}
}

// A sign-in leads back to the page that sent the user here, with the query of that
// page, and to no address that only looks like it.
func TestTheWayBack(t *testing.T) {
	h := newHome(t)
	long := strings.Repeat("x", 9000)
	for asked, want := range map[string]string{
		"/authorize?client_id=web&state=a%2Bb%3F%23": "/authorize?client_id=web&state=a%2Bb%3F%23",
		"/authorize?a=//evil.example":                "/authorize?a=//evil.example",
		"/device":                                    "/device",
		"/device?user_code=BCDF-GHJK":                "/device?user_code=BCDF-GHJK",
		"/authorize":                                 "/account",
		"/authorize?x=" + long:                       "/account",
		"/authorize/?x":                              "/account",
		"/authorize/../x?y":                          "/account",
		"/authorize?x#y":                             "/account",
		"/authorize?x y":                             "/account",
		"/authorize?x\r\nLocation:evil":              "/account",
		"/authorize?x\\y":                            "/account",
		"/authorize?\u00e9":                          "/account",
		"/authorize.evil.example?x":                  "/account",
		"//authorize?x":                              "/account",
		"//evil.example/authorize?x":                 "/account",
		"https://evil.example/authorize?x":           "/account",
		"/token?x":                                   "/account",
		"/login?return=/authorize":                   "/account",
		"/devices?x":                                 "/account",
		"?/authorize?x":                              "/account",
	} {
		b := pagetest.Open(h.route, "")
		form := passwordForm(b.Get("/login?return=" + url.QueryEscape(asked)).Body)
		if form.Get("return") != want {
			t.Errorf("return=%.80q: the form has %.80q, want %.80q", asked, form.Get("return"), want)
		}
	}
	b := pagetest.Open(h.route, "")
	const back = "/authorize?client_id=web&state=a%2Bb"
	form := passwordForm(b.Get("/login?return=" + url.QueryEscape(back)).Body)
	form.Set("user_name", "ada")
	form.Set("password", "wrong")
	again := passwordForm(b.Post("/login", form).Body)
	again.Set("user_name", "ada")
	again.Set("password", routetest.Password)
	if got := b.Post("/login", again); got.Status != 303 || got.Header.Get("Location") != back {
		t.Errorf("sign-in = %d to %q, want 303 to %q", got.Status, got.Header.Get("Location"), back)
	}
	for _, forged := range []string{"//evil.example", "/authorize.evil.example?x", "/authorize?x\nSet-Cookie: a=b"} {
		f := fill(t, b, "ada", routetest.Password)
		f.Set("return", forged)
		if got := b.Post("/login", f); got.Status != 303 || got.Header.Get("Location") != "/account" {
			t.Errorf("sign-in with return=%q posted = %d to %q, want 303 to /account", forged, got.Status, got.Header.Get("Location"))
		}
	}
}

// The form may lead on to the client that the user returns to, and an address adds
// nothing to the policy but its source.
func TestThePolicyLeadsOn(t *testing.T) {
	h := newHome(t)
	b := pagetest.Open(h.route, "")
	for to, want := range map[string]string{
		"https:":                  "form-action 'self' https:",
		"http: https:":            "form-action 'self' http: https:",
		"https://app.example.com": "form-action 'self'",
		"com.example.app:":        "form-action 'self' com.example.app:",
		"":                        "form-action 'self'",
		"*":                       "form-action 'self'",
		"https://a; script-src *": "form-action 'self'",
		"javascript:":             "form-action 'self'",
		"data:":                   "form-action 'self'",
		"https://a\r\nX: y":       "form-action 'self'",
	} {
		query := url.Values{"return": {"/authorize?client_id=web"}, "to": {to}}
		got := b.Get("/login?" + query.Encode())
		policy := got.Header.Get("Content-Security-Policy")
		if !slices.Contains(strings.Split(policy, "; "), want) {
			t.Errorf("to=%q: policy = %s, want %s in it", to, policy, want)
		}
		form := passwordForm(got.Body)
		form.Set("user_name", "nobody")
		form.Set("password", "wrong")
		if again := b.Post("/login", form); again.Status != 400 || again.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("to=%q: after a wrong password %d with the policy %s, want 400 with the same", to, again.Status, again.Header.Get("Content-Security-Policy"))
		}
		h.Pass(time.Minute)
	}
	elsewhere := b.Get("/login?return=/account&to=https%3A%2F%2Fevil.example")
	if p := elsewhere.Header.Get("Content-Security-Policy"); !slices.Contains(strings.Split(p, "; "), "form-action 'self'") {
		t.Errorf("a sign-in for no client: policy = %s, want it to lead to us alone", p)
	}
}

// A client may send a login_hint. It is not shown if it cannot be a user name.
func TestLoginHint(t *testing.T) {
	h := newHome(t)
	b := pagetest.Open(h.route, "")
	for hint, want := range map[string]string{"ada": "ada", "ada@example.com": "ada@example.com", "ada lovelace": "", `"><b>`: "", strings.Repeat("a", 65): ""} {
		body := b.Get("/login?login_hint=" + url.QueryEscape(hint)).Body
		if !strings.Contains(body, `name="user_name" value="`+want+`"`) {
			t.Errorf("login_hint=%q: the form has not the name %q:\n%s", hint, want, body)
		}
	}
}

// No script of another origin can read the page, no site can frame it, and no URL
// fills in its form.
func TestThePageIsOurs(t *testing.T) {
	h := newHome(t)
	b := pagetest.Open(h.route, "")
	got := b.Get("/login?client_id=" + routetest.Web)
	if got.Header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("headers = %v, want no CORS and no frames", got.Header)
	}
	b.PostFrom("/login", fill(t, b, "ada", routetest.Password), routetest.App, "")
	if r := b.Get("/login?user_name=ada&password=x"); strings.Contains(r.Body, `value="ada"`) {
		t.Error("the form takes values from the URL")
	}
}
