package e2e_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/e2e/person"
	"github.com/tipstaff/tipstaff/shared/httpapi/routetest"
)

// said is what a page says, without its style.
func said(page string) string {
	_, rest, _ := strings.Cut(page, "<main")
	return rest
}

// reader is a person who reads the pages and fills in their forms.
type reader struct {
	*person.Person
	t *testing.T
}

// read puts a person at a place of their own.
func read(t *testing.T, p *person.Person) reader {
	t.Helper()
	if p.From == "" {
		n := places.Add(1)
		p.From = fmt.Sprintf("127.1.%d.%d", n/200, n%200+1)
	}
	return reader{p, t}
}

var places atomic.Int64

// signedIn is somebody new who has signed in with the password.
func signedIn(t *testing.T, userName string) reader {
	t.Helper()
	r := read(t, newcomer(t, userName))
	r.visit("/login")
	if !r.SignedIn() {
		t.Fatalf("%s could not sign in", userName)
	}
	return r
}

// visit goes to a path and on, as far as a person gets by saying yes.
func (r reader) visit(path string) *person.Arrival {
	r.t.Helper()
	arrival, err := r.Visit(r.t.Context(), target.url+path)
	if err != nil {
		r.t.Fatal(err)
	}
	return arrival
}

// page is the page at a path, or where it leads to on the same server.
func (r reader) page(path string) string {
	r.t.Helper()
	status, location, page, err := r.Ask(r.t.Context(), http.MethodGet, path, nil)
	if err != nil || location != "" || status != http.StatusOK {
		r.t.Fatalf("GET %s = %d to %q, %v, want a page", path, status, location, err)
	}
	return page
}

// post sends the form of a page that has a field or button of that name and value,
// with more filled in, and returns what comes.
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

// does posts an action of the account page that must be done.
func (r reader) does(page, action string, more ...string) {
	r.t.Helper()
	status, location, answer := r.post("/account", page, "action", action, more...)
	if status != http.StatusSeeOther || !strings.HasPrefix(location, "/account?") {
		r.t.Fatalf("%s = %d to %q, want it done\n%s", action, status, location, said(answer))
	}
}

// another is the same person at another browser, not signed in.
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

// client signs the person in by a client of the operator's own, with a code of their
// app if there is one.
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

// TestLocalPasskeys: one is made, signs in by itself and beside an authenticator app,
// gets a name, and does nothing any more when it is removed.
func TestLocalPasskeys(t *testing.T) {
	r := signedIn(t, "paula")
	device := routetest.NewAuthenticator(t, target.url)
	r.addPasskey(device, "Laptop")
	if status, location, answer := r.another().passkey(device); status != http.StatusSeeOther || location != "/account" {
		t.Fatalf("sign-in with the passkey = %d to %q, want the account\n%s", status, location, said(answer))
	}
	r.does(r.page("/account"), "rename-passkey", "name", "Old laptop")
	page := r.page("/account")
	if !strings.Contains(page, "Old laptop") {
		t.Errorf("the passkey has not its new name:\n%s", said(page))
	}
	r.does(page, "remove-passkey")
	if status, _, answer := r.another().passkey(device); status != http.StatusBadRequest || !strings.Contains(answer, "did not work here") {
		t.Errorf("sign-in with a removed passkey = %d, want 400\n%s", status, said(answer))
	}
}

var (
	appKey       = regexp.MustCompile(`<code class="all">([A-Z2-7 ]+)</code>`)
	recoveryCode = regexp.MustCompile(`<li><code>([a-z2-7-]+)</code></li>`)
)

// app sets up an authenticator app. It returns the code that the app shows some time
// ahead of now, and the recovery codes.
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

// TestLocalAuthenticatorApp: a password is then the first of two steps, in the
// browser and for a client that asks for it itself.
func TestLocalAuthenticatorApp(t *testing.T) {
	r := signedIn(t, "otto")
	code, recovery := r.app()
	other := r.another()
	status, _, second := other.password()
	if status != http.StatusOK || other.SignedIn() {
		t.Fatalf("after the password alone = %d, signed in %v, want the second step", status, other.SignedIn())
	}
	status, location, answer := other.post("/login", second, "code", code(step))
	if status != http.StatusSeeOther || location != "/account" || !other.SignedIn() {
		t.Fatalf("the second step = %d to %q, want the account\n%s", status, location, said(answer))
	}

	if a := r.client(""); a.status != http.StatusBadRequest || text(t, a, "error") != "otp_required" {
		t.Errorf("a client without the code = %d %s, want otp_required", a.status, a.body)
	}
	a := r.client(recovery[0])
	if a.status != http.StatusOK {
		t.Fatalf("a client with a recovery code = %d %s, want 200", a.status, a.body)
	}
	if acr := payload(t, text(t, a, "access_token"))["acr"]; acr != "aal2" {
		t.Errorf("acr = %v, want aal2", acr)
	}
	if a := r.client(recovery[0]); a.status != http.StatusBadRequest || text(t, a, "error") != "invalid_grant" {
		t.Errorf("the recovery code once more = %d %s, want invalid_grant", a.status, a.body)
	}

	if status, _, answer := r.post("/account", r.page("/account?open=new-codes"), "action", "new-codes"); status != http.StatusOK || len(recoveryCode.FindAllString(answer, -1)) != 10 {
		t.Errorf("new codes = %d, want ten\n%s", status, said(answer))
	}
	r.does(r.page("/account"), "remove-otp")
	if status, location, _ := r.another().password(); status != http.StatusSeeOther {
		t.Errorf("sign-in without the app = %d to %q, want the account", status, location)
	}
}

// TestLocalPasswordChange ends what was signed in elsewhere, and keeps this browser.
func TestLocalPasswordChange(t *testing.T) {
	r := signedIn(t, "pia")
	other := r.another()
	other.visit("/login")
	r.does(r.page("/account?open=set-password"), "set-password", "password", "a newer owl in the attic")
	r.page("/account")
	if _, location, _, err := other.Ask(t.Context(), http.MethodGet, "/account", nil); err != nil || !strings.HasPrefix(location, "/login") {
		t.Errorf("the other browser gets %q, %v, want the sign-in", location, err)
	}
	if status, _, _ := r.another().password(); status != http.StatusBadRequest {
		t.Errorf("sign-in with the old password = %d, want 400", status)
	}
	device := routetest.NewAuthenticator(t, target.url)
	r.addPasskey(device, "Phone")
	r.does(r.page("/account"), "remove-password")
	if status, location, _ := r.another().passkey(device); status != http.StatusSeeOther {
		t.Errorf("sign-in with the passkey = %d to %q, want the account", status, location)
	}
}

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

// TestLocalRecovery: a link of the operator makes a passkey, once, takes the app away,
// and ends what the person was signed in to.
func TestLocalRecovery(t *testing.T) {
	r := signedIn(t, "rita")
	r.app()
	link := operator(t, "user", "recover", "rita", "--reset-otp")
	other, device := r.another(), routetest.NewAuthenticator(t, target.url)
	page := other.page(link)
	made := device.Create(person.Data(page, "options"))
	if status, location, answer := other.post("/recover", page, "step", "choose", "passkey", made); status != http.StatusSeeOther || location != "/account" {
		t.Fatalf("the recovery = %d to %q, want the account\n%s", status, location, said(answer))
	}
	other.page("/account")
	if _, location, _, err := r.Ask(t.Context(), http.MethodGet, "/account", nil); err != nil || !strings.HasPrefix(location, "/login") {
		t.Errorf("the browser from before gets %q, %v, want the sign-in", location, err)
	}
	if status, location, answer := r.another().password(); status != http.StatusSeeOther {
		t.Errorf("the password of before without the app = %d to %q, want the account\n%s", status, location, said(answer))
	}
	if status, _, answer, err := r.Ask(t.Context(), http.MethodGet, link, nil); err != nil || status != http.StatusGone {
		t.Errorf("the link once more = %d, %v, want 410\n%s", status, err, said(answer))
	}
}

// TestLocalInvitation: somebody new chooses a name and a passkey.
func TestLocalInvitation(t *testing.T) {
	link := operator(t, "user", "invite", "--name", "Nell New")
	r := read(t, stranger("nell"))
	status, _, choose := r.post("/invite", r.page(link), "user_name", "nell")
	if status != http.StatusOK {
		t.Fatalf("the first step = %d, want the second\n%s", status, said(choose))
	}
	device := routetest.NewAuthenticator(t, target.url)
	made := device.Create(person.Data(choose, "options"))
	if status, location, answer := r.post("/invite", choose, "step", "choose", "passkey", made); status != http.StatusSeeOther || location != "/account" {
		t.Fatalf("the invitation = %d to %q, want the account\n%s", status, location, said(answer))
	}
	if page := r.page("/account"); !strings.Contains(page, "Nell New") || !strings.Contains(page, "the only way in which you can sign in") {
		t.Errorf("the account says not who it is, or not that there is one way in:\n%s", said(page))
	}
	if status, location, _ := r.another().passkey(device); status != http.StatusSeeOther {
		t.Errorf("sign-in with the passkey = %d to %q, want the account", status, location)
	}
}

// TestLocalMail: who asks for a link gets it by mail, at the verified address; who
// does not exist gets the same answer.
func TestLocalMail(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), filepath.Join(root, "bin", "tipstaff"), "user", "add", "mila", "--no-password",
		"--email", "mila@example.com", "--email-verified", "--dir", local(t).Dir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var answers []string
	for _, name := range []string{"mila", "nobody-at-all"} {
		r := read(t, stranger(name))
		status, location, answer := r.post("/recover", r.page("/recover"), "user_name", name)
		if status != http.StatusSeeOther || !strings.HasPrefix(location, "/recover?") {
			t.Fatalf("asking for a link = %d to %q, want words\n%s", status, location, said(answer))
		}
		answers = append(answers, location+"\n"+r.page(location))
	}
	if answers[0] != answers[1] {
		t.Errorf("the answers differ:\n%s\n%s", answers[0], answers[1])
	}
	if answer, err := local(t).Trigger(t.Context(), contract.Post.Name); err != nil {
		t.Fatalf("the task answers %s, %v", answer, err)
	}
	files, err := filepath.Glob(filepath.Join(local(t).Dir(), "mail", "*.eml"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there are the letters %v, %v, want one", files, err)
	}
	letter, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`https?://\S+/recover\S+`).FindString(string(letter))
	if !strings.Contains(string(letter), "mila@example.com") || !strings.HasPrefix(link, target.url) {
		t.Fatalf("the letter is\n%s\nwant one to mila with a link", letter)
	}
	target.remember(nil, letter)
	r := read(t, stranger("mila"))
	if page := r.page(strings.TrimPrefix(link, target.url)); !strings.Contains(page, "Choose how you sign in") {
		t.Errorf("the link leads to\n%s", said(page))
	}
}

// TestLocalUpstreams: people come in with an account elsewhere, and link one that
// they have.
func TestLocalUpstreams(t *testing.T) {
	r := read(t, stranger("ursula"))
	elsewhere := func(location string) string {
		t.Helper()
		back, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultTransport.RoundTrip(back)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return strings.TrimPrefix(answer.Header.Get("Location"), target.url)
	}
	through := func(r reader, path string) (status int, location, page string) {
		t.Helper()
		status, location, page, err := r.Click(t.Context(), path)
		if err != nil || status != http.StatusSeeOther || strings.HasPrefix(location, "/") {
			t.Fatalf("GET %s = %d to %q, %v, want the way to the issuer\n%s", path, status, location, err, said(page))
		}
		status, location, page, err = r.Ask(t.Context(), http.MethodGet, elsewhere(location), nil)
		if err != nil {
			t.Fatal(err)
		}
		return status, location, page
	}
	page := r.page("/login")
	if !strings.Contains(page, "Continue with Company") || !strings.Contains(page, "Continue with Code host") {
		t.Fatalf("the sign-in page does not offer both:\n%s", said(page))
	}
	for range 2 { // the first time it makes the account, then it knows it
		if status, location, page := through(r, "/upstream/company"); status != http.StatusSeeOther || location != "/account" {
			t.Fatalf("sign-in at the company = %d to %q, want the account\n%s", status, location, said(page))
		}
		r = read(t, r.SignedOut())
	}
	if status, location, page := through(read(t, stranger("x")), "/upstream/code-host"); location != "" || !strings.Contains(page, "invit") {
		t.Errorf("a stranger from the code host = %d to %q, want words about an invitation\n%s", status, location, said(page))
	}

	r = signedIn(t, "viola")
	link := regexp.MustCompile(`href="(/upstream/code-host\?[^"]*)"`).FindStringSubmatch(r.page("/account"))
	if link == nil {
		t.Fatal("the account page does not offer to link an account")
	}
	if status, location, page := through(r, html.UnescapeString(link[1])); status != http.StatusSeeOther || !strings.HasPrefix(location, "/account") {
		t.Fatalf("linking = %d to %q, want the account\n%s", status, location, said(page))
	}
	if status, location, page := through(r.another(), "/upstream/code-host"); status != http.StatusSeeOther || location != "/account" {
		t.Errorf("sign-in with the linked account = %d to %q, want the account\n%s", status, location, said(page))
	}
	r.does(r.page("/account"), "unlink")

	// Somebody else comes in at the same browser, which ends the session of viola.
	if status, location, page := through(r, "/upstream/company"); status != http.StatusSeeOther || location != "/account" {
		t.Fatalf("sign-in at the company = %d to %q, want the account\n%s", status, location, said(page))
	}
	if page := r.page("/account"); strings.Contains(page, "viola") {
		t.Errorf("viola is still signed in:\n%s", said(page))
	}
}

// TestLocalConnectedApplications: a person ends what an application may do.
func TestLocalConnectedApplications(t *testing.T) {
	r := signedIn(t, "anton")
	a := target.notes.redemption(target.notes.code(t, r.Person, nil), nil).do(t)
	refresh := text(t, a, "refresh_token")
	page := r.page("/account")
	if !strings.Contains(page, "Connected applications") || !strings.Contains(page, "Read orders") {
		t.Fatalf("the account page does not show what the application may do:\n%s", said(page))
	}
	r.does(page, "end-app")
	if a := target.notes.renew(t, refresh, nil); a.status != http.StatusBadRequest || text(t, a, "error") != "invalid_grant" {
		t.Errorf("the application goes on: %d %s, want invalid_grant", a.status, a.body)
	}
	if arrival := visit(t, r.Person, target.notes.address(nil)); len(arrival.Trail) != 1 {
		t.Errorf("the application comes in again by %q, want one question", arrival.Trail)
	}
}
