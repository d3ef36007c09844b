package login_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/httpapi/pagetest"
	"github.com/tipstaff/tipstaff/shared/httpapi/routetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// A form of another browser, another site or another day signs nobody in.
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
			if got.Status != tt.status || got.Cookie(browser.SessionCookie) != nil || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
				t.Errorf("answer = %d %v, want a page with %d and no session", got.Status, got.Header, tt.status)
			}
		})
	}
	h.Pass(browser.FormLife + time.Minute)
	got := victim.Post("/login", own)
	if got.Status != 400 || !strings.Contains(got.Body, web.ExpiredForm) || len(pagetest.Forms(got.Body)) != 1 {
		t.Errorf("yesterday's form = %d, want 400 with a new one", got.Status)
	}
	fresh := pagetest.Forms(got.Body)[0]
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
		"/account?x": "/account", "javascript:alert(1)": "/account", " /": "/account", "/%2f%2fevil.example": "/account", "/ACCOUNT": "/account",
	} {
		b := pagetest.Open(h.route, "")
		page := b.Get("/login?return=" + url.QueryEscape(asked))
		form := pagetest.Forms(page.Body)[0]
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

// A page is for people and nobody else's script.
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
