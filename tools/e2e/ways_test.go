package e2e_test

import (
	"html"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// TestLocalPasskeys: a passkey can be made and renamed. It signs in alone, also for a
// user with an authenticator app, and no longer once it is removed.
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
	if status, _, answer := r.another().passkey(device); status != http.StatusBadRequest || !strings.Contains(answer, web.WrongPasskey) {
		t.Errorf("sign-in with a removed passkey = %d, want 400\n%s", status, said(answer))
	}
}

// TestLocalAuthenticatorApp: with an authenticator app the password is the first of
// two steps, in the browser and for a client that asks for the password itself.
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

// TestLocalPasswordChange: a changed password ends the sessions in other browsers and
// keeps this one.
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

// TestLocalRecovery: a link of the operator makes a passkey, once. It removes the app
// and ends the sessions of the user.
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

// TestLocalInvitation: a new user chooses a name and makes a passkey.
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
	if page := r.page("/account"); !strings.Contains(page, "Nell New") || !strings.Contains(page, "This is your only way to sign in.") {
		t.Errorf("the account says not who it is, or not that there is one way in:\n%s", said(page))
	}
	if status, location, _ := r.another().passkey(device); status != http.StatusSeeOther {
		t.Errorf("sign-in with the passkey = %d to %q, want the account", status, location)
	}
}

// TestLocalMail: a requested link is mailed to the verified address. The answer for an
// unknown user name is the same.
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
	if answer, err := local(t).Trigger(t.Context(), contract.SendMail.Name); err != nil {
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

// TestLocalUpstreams: a user signs in with an account at an upstream, and links
// another account.
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
	for range 2 { // the first time creates the user, the second finds it
		if status, location, page := through(r, "/upstream/company"); status != http.StatusSeeOther || location != "/account" {
			t.Fatalf("sign-in at the company = %d to %q, want the account\n%s", status, location, said(page))
		}
		r = read(t, r.SignedOut())
	}
	if status, location, page := through(read(t, stranger("x")), "/upstream/code-host"); location != "" || !strings.Contains(page, "invit") {
		t.Errorf("an account of the code host without an invitation = %d to %q, want words about an invitation\n%s", status, location, said(page))
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

	// Another user signs in at the same browser, which ends the session of viola.
	if status, location, page := through(r, "/upstream/company"); status != http.StatusSeeOther || location != "/account" {
		t.Fatalf("sign-in at the company = %d to %q, want the account\n%s", status, location, said(page))
	}
	if page := r.page("/account"); strings.Contains(page, "viola") {
		t.Errorf("viola is still signed in:\n%s", said(page))
	}
}

// TestLocalConnectedApplications: a user withdraws the access of an application.
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
