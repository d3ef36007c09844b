package stack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// tokens are the tokens that a client has of a session.
type tokens struct{ access, refresh string }

func tokensOf(a answer) tokens {
	access, _ := a.object["access_token"].(string)
	refresh, _ := a.object["refresh_token"].(string)
	return tokens{access, refresh}
}

// signIn signs the user in with a client, for the default resource or those
// named.
func signIn(t *testing.T, s *fixture.Stack, client string, resources ...string) tokens {
	t.Helper()
	a := login(t, s, client, resources)
	got := tokensOf(a)
	if a.status != http.StatusOK || got.access == "" || got.refresh == "" {
		t.Fatalf("sign-in with %s = %d %v, want 200 with tokens", client, a.status, a.object)
	}
	return got
}

// login tries to sign the user in.
func login(t *testing.T, s *fixture.Stack, client string, resources []string) answer {
	t.Helper()
	object := map[string]any{"client_id": client, "user_name": fixture.User, "password": fixture.Password}
	if secret := s.Secrets[client]; secret != "" {
		object["client_secret"] = secret
	}
	if len(resources) > 0 {
		object["resource"] = resources
	}
	body, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.BaseURL()+contract.Login.Path(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if err := json.NewDecoder(res.Body).Decode(&a.object); err != nil {
		t.Fatalf("sign-in with %s = %d: %v", client, res.StatusCode, err)
	}
	return a
}

// refresh presents a refresh token. It may run in any goroutine.
func refresh(ctx context.Context, s *fixture.Stack, client, presented string) (answer, error) {
	return send(ctx, s, contract.Refresh.Path(), client, url.Values{"refresh_token": {presented}})
}

// refreshed is refresh where it must succeed. It runs in the goroutine of the test.
func refreshed(t *testing.T, s *fixture.Stack, client, presented string) tokens {
	t.Helper()
	a, err := refresh(t.Context(), s, client, presented)
	if err != nil {
		t.Fatal(err)
	}
	if got := tokensOf(a); a.status == http.StatusOK && got.refresh != "" {
		return got
	}
	t.Fatalf("refresh by %s = %d %v, want 200 with tokens", client, a.status, a.object)
	return tokens{}
}

// refused presents a refresh token that must be refused for good.
func refused(t *testing.T, s *fixture.Stack, client, presented string) {
	t.Helper()
	a, err := refresh(t.Context(), s, client, presented)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusBadRequest || a.object["error"] != "invalid_grant" {
		t.Errorf("refresh by %s = %d %v, want 400 invalid_grant", client, a.status, a.object)
	}
}

// browser is the cookies of a browser.
type browser map[string]string

// openBrowser returns a browser in which the user has signed in.
func openBrowser(t *testing.T, s *fixture.Stack) browser {
	t.Helper()
	b := browser{}
	b.signIn(t, s)
	return b
}

// signIn signs the user in, and replaces an earlier session of the browser.
func (b browser) signIn(t *testing.T, s *fixture.Stack) {
	t.Helper()
	form := b.form(t, s, contract.Login.Path())
	form.Set("user_name", fixture.User)
	form.Set("password", fixture.Password)
	if status, _ := b.send(t, s, http.MethodPost, contract.Login.Path(), form); status != http.StatusSeeOther {
		t.Fatalf("sign-in = %d, want 303", status)
	}
}

// headers are the headers that the browser sends from a page of ours.
func (b browser) headers(s *fixture.Stack) map[string]string {
	var cookies []string
	for _, name := range slices.Sorted(maps.Keys(b)) {
		cookies = append(cookies, name+"="+b[name])
	}
	return map[string]string{"cookie": strings.Join(cookies, "; "), "origin": s.BaseURL(), "sec-fetch-site": "same-origin"}
}

var hidden = regexp.MustCompile(`name="csrf" value="([^"]*)"`)

// form is the form of a page, with its hidden token.
func (b browser) form(t *testing.T, s *fixture.Stack, path string) url.Values {
	t.Helper()
	status, page := b.send(t, s, http.MethodGet, path, nil)
	csrf := hidden.FindStringSubmatch(page)
	if status != http.StatusOK || csrf == nil {
		t.Fatalf("GET %s = %d, want a page with a form", path, status)
	}
	return url.Values{"csrf": {html.UnescapeString(csrf[1])}}
}

// send sends a request and keeps the cookies of the answer.
func (b browser) send(t *testing.T, s *fixture.Stack, method, path string, form url.Values) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.BaseURL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range b.headers(s) {
		r.Header.Set(name, value)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultTransport.RoundTrip(r) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if b[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b, c.Name)
		}
	}
	return res.StatusCode, string(body)
}
