package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// said returns the text of a page, without its style.
func said(page string) string {
	_, rest, _ := strings.Cut(page, "<main")
	return rest
}

// reader is a user who reads the pages and fills in their forms.
type reader struct {
	*person.Person
	t *testing.T
}

// read returns a reader at a separate network address.
func read(t *testing.T, p *person.Person) reader {
	t.Helper()
	if p.From == "" {
		n := places.Add(1)
		p.From = fmt.Sprintf("127.1.%d.%d", n/200, n%200+1)
	}
	return reader{p, t}
}

var places atomic.Int64

// signedIn returns a new user who has signed in with the password.
func signedIn(t *testing.T, userName string) reader {
	t.Helper()
	r := read(t, newcomer(t, userName))
	r.visit("/login")
	if !r.SignedIn() {
		t.Fatalf("%s could not sign in", userName)
	}
	return r
}

// visit opens a path and agrees to everything, as far as that leads.
func (r reader) visit(path string) *person.Arrival {
	r.t.Helper()
	arrival, err := r.Visit(r.t.Context(), target.url+path)
	if err != nil {
		r.t.Fatal(err)
	}
	return arrival
}

// page returns the page at a path, or the one to which it redirects on this server.
func (r reader) page(path string) string {
	r.t.Helper()
	status, location, page, err := r.Ask(r.t.Context(), http.MethodGet, path, nil)
	if err != nil || location != "" || status != http.StatusOK {
		r.t.Fatalf("GET %s = %d to %q, %v, want a page", path, status, location, err)
	}
	return page
}

// post sends the form of a page that has a field or button of that name and value,
// with more fields filled in, and returns the answer.
func (r reader) post(path, page, name, value string, more ...string) (status int, location, answer string) {
	r.t.Helper()
	form := person.FormWith(page, name, value)
	if form == nil {
		r.t.Fatalf("there is no form with %s=%s on\n%s", name, value, said(page))
	}
	for ; len(more) > 1; more = more[2:] {
		form.Set(more[0], more[1])
	}
	status, location, answer, err := r.Ask(r.t.Context(), http.MethodPost, path, form)
	if err != nil {
		r.t.Fatal(err)
	}
	return status, location, answer
}

// does posts an action of the account page that must succeed.
func (r reader) does(page, action string, more ...string) {
	r.t.Helper()
	status, location, answer := r.post("/account", page, "action", action, more...)
	if status != http.StatusSeeOther || !strings.HasPrefix(location, "/account?") {
		r.t.Fatalf("%s = %d to %q, want it done\n%s", action, status, location, said(answer))
	}
}

// another returns the same user at another browser, signed out.
func (r reader) another() reader {
	other := stranger(r.UserName)
	other.Password = r.Password
	return read(r.t, other)
}

// password posts the first step of a sign-in.
func (r reader) password() (status int, location, answer string) {
	r.t.Helper()
	return r.post("/login", r.page("/login"), "password", r.Password, "user_name", r.UserName)
}

// passkey signs in with a passkey.
func (r reader) passkey(a *routetest.Authenticator) (status int, location, answer string) {
	r.t.Helper()
	page := r.page("/login")
	options := person.Data(page, "options")
	if options == "" {
		r.t.Fatalf("the sign-in page offers no passkey:\n%s", said(page))
	}
	status, location, answer, err := r.Ask(r.t.Context(), http.MethodPost, "/login", url.Values{"passkey": {a.Get(options)}})
	if err != nil {
		r.t.Fatal(err)
	}
	return status, location, answer
}

// client signs the user in by a first-party client that asks for the password, with a
// code of the authenticator app if there is one.
func (r reader) client(code string) answer {
	r.t.Helper()
	object := map[string]string{"client_id": target.phoneID, "user_name": r.UserName, "password": r.Password, "otp": code}
	body, err := json.Marshal(object)
	if err != nil {
		r.t.Fatal(err)
	}
	return request{method: "POST", path: "/login", header: http.Header{"Content-Type": {"application/json"}}, body: string(body), from: r.From}.do(r.t)
}

// addPasskey makes a passkey on the account page.
func (r reader) addPasskey(a *routetest.Authenticator, name string) {
	r.t.Helper()
	page := r.page("/account?open=add-passkey")
	r.does(page, "add-passkey", "name", name, "passkey", a.Create(person.Data(page, "options")))
}

var (
	appKey       = regexp.MustCompile(`<code class="all">([A-Z2-7 ]+)</code>`)
	recoveryCode = regexp.MustCompile(`<li><code>([a-z2-7-]+)</code></li>`)
)

// app sets up an authenticator app. It returns a function that gives the code at some
// time ahead of now, and the recovery codes.
func (r reader) app() (code func(ahead time.Duration) string, recovery []string) {
	r.t.Helper()
	page := r.page("/account?open=add-otp")
	m := appKey.FindStringSubmatch(page)
	if m == nil {
		r.t.Fatalf("the page shows no key:\n%s", said(page))
	}
	key := strings.ReplaceAll(m[1], " ", "")
	code = func(ahead time.Duration) string {
		r.t.Helper()
		c, err := totp.GenerateCode(key, time.Now().Add(ahead))
		if err != nil {
			r.t.Fatal(err)
		}
		return c
	}
	status, _, answer := r.post("/account", page, "action", "add-otp", "code", code(-step))
	for _, m := range recoveryCode.FindAllStringSubmatch(answer, -1) {
		recovery = append(recovery, m[1])
	}
	if status != http.StatusOK || len(recovery) != 10 {
		r.t.Fatalf("setting up the app = %d with %d recovery codes, want 10\n%s", status, len(recovery), said(answer))
	}
	return code, recovery
}

// step is how long an app shows one code.
const step = 30 * time.Second

// operator runs a command that prints a link, and returns its path.
func operator(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "bin", "tipstaff"), append(args, "--dir", local(t).Dir())...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	link := regexp.MustCompile(`http\S+`).FindString(string(out))
	if !strings.HasPrefix(link, target.url+"/") {
		t.Fatalf("%v printed %s, want a link to %s", cmd.Args, out, target.url)
	}
	target.remember(nil, out)
	return strings.TrimPrefix(link, target.url)
}
