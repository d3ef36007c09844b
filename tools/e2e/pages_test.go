package e2e_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// browser keeps cookies and fills in forms.
type browser map[string]string

func (b browser) send(t *testing.T, method, path string, form url.Values) answer {
	t.Helper()
	header := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	if method == http.MethodPost {
		header.Set("Origin", target.url)
	}
	var cookies []string
	for name, value := range b {
		cookies = append(cookies, name+"="+value)
	}
	if len(cookies) > 0 {
		header.Set("Cookie", strings.Join(cookies, "; "))
	}
	a := request{method: method, path: path, header: header, form: form}.do(t)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if b[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b, c.Name)
		}
	}
	return a
}

var hidden = regexp.MustCompile(`name="csrf" value="([^"]*)"`)

// submit opens the page at path and posts its form with these fields.
func (b browser) submit(t *testing.T, path string, fields url.Values) answer {
	t.Helper()
	page := b.send(t, http.MethodGet, path, nil)
	csrf := hidden.FindSubmatch(page.body)
	if page.status != http.StatusOK || csrf == nil {
		t.Fatalf("GET %s = %d, want a page with a form", path, page.status)
	}
	fields.Set("csrf", html.UnescapeString(string(csrf[1])))
	return b.send(t, http.MethodPost, path, fields)
}

func (b browser) signIn(t *testing.T, userName, password string) answer {
	t.Helper()
	return b.submit(t, "/login", url.Values{"user_name": {userName}, "password": {password}})
}

// TestPages: a user signs in at the page, sees the account page, and signs out.
func TestPages(t *testing.T) {
	b := browser{}
	if a := b.send(t, http.MethodGet, "/", nil); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("GET / = %d %v, want a page", a.status, a.header)
	}
	if a := b.send(t, http.MethodGet, "/account", nil); a.status != 303 || !strings.HasPrefix(a.header.Get("Location"), "/login") {
		t.Errorf("GET /account = %d to %q, want 303 to the sign-in", a.status, a.header.Get("Location"))
	}
	if a := b.signIn(t, target.userName, "wrong"); a.status != 400 || b["__Host-sid"] != "" {
		t.Errorf("wrong password = %d with session %q, want 400 and none", a.status, b["__Host-sid"])
	}
	if a := b.signIn(t, target.userName, target.password); a.status != 303 || a.header.Get("Location") != "/account" {
		t.Fatalf("sign-in = %d to %q, want 303 to the account", a.status, a.header.Get("Location"))
	}
	first := b["__Host-sid"]
	if a := b.send(t, http.MethodGet, "/account", nil); a.status != 200 || !strings.Contains(string(a.body), target.userName) {
		t.Errorf("GET /account = %d, want the page of %s", a.status, target.userName)
	}
	if a := b.signIn(t, target.userName, target.password); a.status != 303 || b["__Host-sid"] == first {
		t.Errorf("second sign-in = %d, want a new session", a.status)
	}
	if a := (browser{"__Host-sid": first}).send(t, http.MethodGet, "/sessions", nil); a.status != 401 {
		t.Errorf("GET /sessions with the session before = %d, want 401", a.status)
	}
	if a := b.send(t, http.MethodGet, "/sessions", nil); a.status != 200 {
		t.Errorf("GET /sessions = %d %s, want 200", a.status, a.body)
	}
	other := browser{}
	other.signIn(t, target.userName, target.password)
	if a := b.submit(t, "/account", url.Values{"action": {"end-others"}}); a.status != 303 {
		t.Errorf("end of the others = %d %s, want 303", a.status, a.body)
	}
	if a := other.send(t, http.MethodGet, "/account", nil); a.status != 303 {
		t.Errorf("GET /account of another browser = %d, want 303 to the sign-in", a.status)
	}
	if a := b.submit(t, "/logout", url.Values{}); a.status != 303 || b["__Host-sid"] != "" {
		t.Errorf("sign-out = %d with session %q, want 303 and none", a.status, b["__Host-sid"])
	}
	if a := b.send(t, http.MethodGet, "/account", nil); a.status != 303 {
		t.Errorf("GET /account afterwards = %d, want 303", a.status)
	}
}

// TestForeignForms: a form from another site, or without the hidden token, is
// refused.
func TestForeignForms(t *testing.T) {
	fields := url.Values{"user_name": {target.userName}, "password": {target.password}}
	foreign := request{
		method: "POST", path: "/login", form: fields,
		header: http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}},
	}.do(t)
	if foreign.status != 403 || foreign.header.Get("Set-Cookie") != "" {
		t.Errorf("form of another site = %d %v, want 403", foreign.status, foreign.header)
	}
	if a := (browser{}).send(t, http.MethodPost, "/login", fields); a.status != 400 {
		t.Errorf("form without a token = %d, want 400", a.status)
	}
}
