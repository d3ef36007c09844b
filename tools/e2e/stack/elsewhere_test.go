package stack_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// refusal comes back from an issuer elsewhere, and must be refused there with a page
// that says so, and leave nothing behind.
func (v visitor) refusal(at *url.URL, want int, words, before string) {
	v.t.Helper()
	status, location, page := v.back(at)
	if status != want || location != "" || !strings.Contains(page, words) {
		v.t.Errorf("the answer = %d to %q, want %d and %q\n%s", status, location, want, words, said(page))
	}
	if _, location, _ := v.ask(http.MethodGet, account, nil); v.SignedIn() || !strings.HasPrefix(location, "/login") {
		v.t.Errorf("signed in %v, the account leads to %q, want nobody signed in", v.SignedIn(), location)
	}
	if after := kept(v.t, v.s); after != before {
		v.t.Errorf("the tables hold\n%s\nwant what they held:\n%s", after, before)
	}
}

// What the pages say of an answer that breaks the rules, and of one that belongs to
// nothing that was begun.
var (
	unreliable = web.UpstreamFailed("", "", "").Text
	unexpected = web.UpstreamLost("").Text
)

// TestHostileIssuer: an issuer that breaks the rules lets nobody in. The journey is
// over with the answer, whatever it was.
func TestHostileIssuer(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	before := kept(t, s)
	for name, manners := range map[string]upstreamtest.Manners{
		"wrong nonce":              {Claims: map[string]any{"nonce": "another"}},
		"wrong audience":           {Claims: map[string]any{"aud": "another-client"}},
		"audience beside ours":     {Claims: map[string]any{"aud": []string{"tipstaff", "another-client"}, "azp": "tipstaff"}},
		"another issuer's token":   {Claims: map[string]any{"iss": "https://accounts.example.com"}},
		"a key of somebody else":   {Foreign: true},
		"no signature":             {Algorithm: "none"},
		"mix-up":                   {Answer: s.CodeHost.URL + "/login/oauth"},
		"an answer without an iss": {Answer: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Company.Behave(manners)
			v := visit(t, s)
			at := v.leave(s.Company, "/upstream/company")
			v.refusal(at, http.StatusBadRequest, unreliable, before)
			s.Company.Behave(upstreamtest.Manners{})
			v.refusal(at, http.StatusBadRequest, unexpected, before)
		})
	}
	v := visit(t, s)
	if status, location, page := v.back(v.leave(s.Company, "/upstream/company")); status != http.StatusSeeOther || location != account {
		t.Errorf("an honest answer = %d to %q, want the account\n%s", status, location, said(page))
	}
}

// TestSwappedCode: who puts the code of somebody else into their own answer does not
// come in as them, neither where the issuer checks whose code it is nor where it is
// careless.
func TestSwappedCode(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	for _, manners := range []upstreamtest.Manners{{}, {Careless: true}} {
		s.Company.Behave(manners)
		before := kept(t, s)
		victim, thief := visit(t, s), visit(t, s)
		stolen := victim.leave(s.Company, "/upstream/company")
		s.Company.Become(upstreamtest.Account{Subject: "666", UserName: "mallory"})
		own := thief.leave(s.Company, "/upstream/company")
		q := own.Query()
		q.Set("code", stolen.Query().Get("code"))
		swapped := *own
		swapped.RawQuery = q.Encode()
		// The journey of the victim is still open.
		status, _, page := thief.back(&swapped)
		if status != http.StatusBadRequest || !strings.Contains(page, unreliable) || thief.SignedIn() {
			t.Errorf("a swapped code = %d, signed in %v, want 400\n%s", status, thief.SignedIn(), said(page))
		}
		// Nor is the answer to it worth anything in the browser of the thief,
		// which ends it.
		thief.refusal(stolen, http.StatusBadRequest, unexpected, before)
		s.Company.Become(upstreamtest.Ada)
	}
}

// TestAddressOfSomebodyElse: whoever writes down elsewhere the address of a person
// here does not become that person, verified or not.
func TestAddressOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	operate(t, s, "user", "add", "vera", "--no-password", "--email", "vera@example.com", "--email-verified")
	for _, verified := range []bool{false, true} {
		s.CodeHost.Become(upstreamtest.Account{Subject: "666", UserName: "vera", Name: "Vera", Email: "vera@example.com", EmailVerified: verified})
		before := kept(t, s)
		v := visit(t, s)
		v.refusal(v.leave(s.CodeHost, "/upstream/code-host"), http.StatusForbidden, web.UpstreamNoAccount("", "").Title, before)
	}
	// Where everybody may come in, somebody new does, without the address as long
	// as nobody stands up for it.
	s.Company.Become(upstreamtest.Account{Subject: "667", UserName: "vera", Email: "vera@example.com"})
	v := visit(t, s)
	if status, location, page := v.back(v.leave(s.Company, "/upstream/company")); status != http.StatusSeeOther || location != account {
		t.Fatalf("somebody new = %d to %q, want the account\n%s", status, location, said(page))
	}
	if page := v.page(account); !strings.Contains(page, "vera-") || strings.Contains(page, "vera@example.com") {
		t.Errorf("the account is not that of somebody new without an address:\n%s", said(page))
	}
}
