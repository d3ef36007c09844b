package stack_test

import (
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// visitor is a user at a browser, page by page.
type visitor struct {
	*person.Person
	t *testing.T
	s *fixture.Stack
}

// visit opens a signed-out browser for the user.
func visit(t *testing.T, s *fixture.Stack) visitor {
	t.Helper()
	return visitor{ada(s), t, s}
}

// signedIn opens a browser in which the user has signed in with the password.
func signedIn(t *testing.T, s *fixture.Stack) visitor {
	t.Helper()
	v := visit(t, s)
	if status, _, page := v.password(); status != http.StatusSeeOther {
		t.Fatalf("sign-in = %d, want 303\n%s", status, said(page))
	}
	return v
}

func (v visitor) ask(method, path string, form url.Values) (status int, location, page string) {
	v.t.Helper()
	status, location, page, err := v.Ask(v.t.Context(), method, path, form)
	if err != nil {
		v.t.Fatal(err)
	}
	return status, location, page
}

// said returns the text of a page, without its style.
func said(page string) string {
	_, main, _ := strings.Cut(page, "<main")
	return main
}

// page returns the page at a path.
func (v visitor) page(path string) string {
	v.t.Helper()
	status, location, page := v.ask(http.MethodGet, path, nil)
	if status != http.StatusOK || location != "" {
		v.t.Fatalf("GET %s = %d to %q, want a page\n%s", path, status, location, said(page))
	}
	return page
}

// fill sends the form of a page that has a field or a button of that name and value.
func (v visitor) fill(path, page, name, value string, more ...string) (status int, location, answer string) {
	v.t.Helper()
	form := person.FormWith(page, name, value)
	if form == nil {
		v.t.Fatalf("there is no form with %s=%s on\n%s", name, value, said(page))
	}
	for pair := range slices.Chunk(more, 2) {
		form.Set(pair[0], pair[1])
	}
	return v.ask(http.MethodPost, path, form)
}

// password signs in with the password, or takes the first of two steps.
func (v visitor) password() (status int, location, page string) {
	v.t.Helper()
	return v.fill("/login", v.page("/login"), "password", v.Password, "user_name", v.UserName)
}

// passkey signs in with the passkey of a device.
func (v visitor) passkey(device *routetest.Authenticator) (status int, location, page string) {
	v.t.Helper()
	return v.ask(http.MethodPost, "/login", url.Values{"passkey": {device.Get(person.Data(v.page("/login"), "options"))}})
}

// addPasskey makes a passkey on a new device.
func (v visitor) addPasskey() *routetest.Authenticator {
	v.t.Helper()
	device := routetest.NewAuthenticator(v.t, v.s.BaseURL())
	page := v.page("/account?open=add-passkey")
	made := device.Create(person.Data(page, "options"))
	if status, _, answer := v.fill("/account", page, "action", "add-passkey", "passkey", made); status != http.StatusSeeOther {
		v.t.Fatalf("a new passkey = %d, want 303\n%s", status, said(answer))
	}
	return device
}

// leave follows a link of ours to an upstream, where the user agrees, and returns the
// address to which the upstream redirects.
func (v visitor) leave(u *upstreamtest.Server, path string) *url.URL {
	v.t.Helper()
	status, location, page, err := v.Click(v.t.Context(), path)
	if err != nil || status != http.StatusSeeOther || !strings.HasPrefix(location, u.URL) {
		v.t.Fatalf("GET %s = %d to %q, %v, want the way to %s\n%s", path, status, location, err, u.URL, said(page))
	}
	return u.Visit(v.t, location)
}

// back follows that redirect to our callback.
func (v visitor) back(at *url.URL) (status int, location, page string) {
	v.t.Helper()
	return v.ask(http.MethodGet, at.RequestURI(), nil)
}

// operate runs a command of the operator and returns what it prints.
func operate(t *testing.T, s *fixture.Stack, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../../../bin/tipstaff", append(args, "--dir", s.Dir())...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// kept returns all tables except the counters of the throttle, one item on a line.
func kept(t *testing.T, s *fixture.Stack) string {
	t.Helper()
	var lines []string
	for name, text := range tables(t, s) {
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "pk=throttle#") {
				lines = append(lines, name+" "+strings.TrimSuffix(line, "\n"))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// account is the page of whoever is signed in.
var account = contract.Account.Path()
