package stack_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// linkTo matches the link that links an account at the code host.
var linkTo = regexp.MustCompile(`href="(/upstream/code-host\?[^"]*)"`)

// TestSwitchedOff: a disabled user cannot sign in from that moment on, in any way. A
// user who authenticated with a passkey or at an upstream learns the reason; after a
// password the answer reveals nothing.
func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	v := signedIn(t, s)
	device := v.addPasskey()
	link := linkTo.FindStringSubmatch(v.page(account))
	if link == nil {
		t.Fatal("the account page does not offer to link an account")
	}
	if status, location, page := v.back(v.leave(s.CodeHost, html.UnescapeString(link[1]))); status != http.StatusSeeOther {
		t.Fatalf("linking = %d to %q, want 303\n%s", status, location, said(page))
	}
	waiting, under := visit(t, s), visit(t, s)
	options := waiting.page("/login")
	at := under.leave(s.CodeHost, "/upstream/code-host") // in progress when the user is disabled

	operate(t, s, "user", "disable", fixture.User)
	if _, location, _ := v.ask(http.MethodGet, account, nil); !strings.HasPrefix(location, "/login") {
		t.Errorf("the account leads to %q, want the sign-in", location)
	}
	off := web.SwitchedOff("").Title
	for name, try := range map[string]func(visitor) (int, string, string){
		"passkey":  func(v visitor) (int, string, string) { return v.passkey(device) },
		"upstream": func(v visitor) (int, string, string) { return v.back(v.leave(s.CodeHost, "/upstream/code-host")) },
		"passkey on a page from before": func(visitor) (int, string, string) {
			return waiting.ask(http.MethodPost, "/login", url.Values{"passkey": {device.Get(person.Data(options, "options"))}})
		},
		"upstream on the way": func(visitor) (int, string, string) { return under.back(at) },
	} {
		v := visit(t, s)
		status, location, page := try(v)
		if status != http.StatusForbidden || location != "" || !strings.Contains(page, off) || v.SignedIn() || waiting.SignedIn() || under.SignedIn() {
			t.Errorf("%s = %d to %q, want 403 and %q\n%s", name, status, location, off, said(page))
		}
	}
	v = visit(t, s)
	if status, _, page := v.password(); status != http.StatusBadRequest || strings.Contains(page, off) || v.SignedIn() {
		t.Errorf("password = %d, want it answered as a wrong one\n%s", status, said(page))
	}

	operate(t, s, "user", "enable", fixture.User)
	if status, location, page := visit(t, s).passkey(device); status != http.StatusSeeOther || location != account {
		t.Errorf("a passkey after that = %d to %q, want the account\n%s", status, location, said(page))
	}
}
