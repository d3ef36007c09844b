package stack_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// refusal returns from an upstream with an answer that must be refused: the page shows
// the problem, and no session and no item remain.
func (v visitor) refusal(at *url.URL, want int, words, before string) {
	v.t.Helper()
	status, location, page := v.back(at)
	if status != want || location != "" || !strings.Contains(page, words) {
		v.t.Errorf("the answer = %d to %q, want %d and %q\n%s", status, location, want, words, said(page))
	}
	if _, location, _ := v.ask(http.MethodGet, account, nil); v.SignedIn() || !strings.HasPrefix(location, "/login") {
		v.t.Errorf("signed in %v, the account leads to %q, want no session", v.SignedIn(), location)
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

// TestHostileIssuer: an answer of an issuer that breaks the protocol signs no user in.
// Any answer ends the journey.
func TestHostileIssuer(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	before := kept(t, s)
	for name, manners := range map[string]upstreamtest.Manners{
		"wrong nonce":              {Claims: map[string]any{"nonce": "another"}},
		"wrong audience":           {Claims: map[string]any{"aud": "another-client"}},
		"audience beside ours":     {Claims: map[string]any{"aud": []string{"tipstaff", "another-client"}, "azp": "tipstaff"}},
		"another issuer's token":   {Claims: map[string]any{"iss": "https://accounts.example.com"}},
		"a foreign key":            {Foreign: true},
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

// TestSwappedCode: a user who puts the code of another user into their own answer is
// not signed in as that user, whether or not the issuer checks which client session
// the code belongs to.
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
		// The journey of the victim can still be completed.
		status, _, page := thief.back(&swapped)
		if status != http.StatusBadRequest || !strings.Contains(page, unreliable) || thief.SignedIn() {
			t.Errorf("a swapped code = %d, signed in %v, want 400\n%s", status, thief.SignedIn(), said(page))
		}
		// The answer of the victim is refused in the browser of the thief, and that
		// ends the journey.
		thief.refusal(stolen, http.StatusBadRequest, unexpected, before)
		s.Company.Become(upstreamtest.Ada)
	}
}

// TestAddressOfSomebodyElse: an account at an upstream with the address of a user does
// not sign in as that user, whether the address is verified or not.
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
	// Where first_sign_in is open, the account becomes a new user, without the address
	// unless the issuer has verified it.
	s.Company.Become(upstreamtest.Account{Subject: "667", UserName: "vera", Email: "vera@example.com"})
	v := visit(t, s)
	if status, location, page := v.back(v.leave(s.Company, "/upstream/company")); status != http.StatusSeeOther || location != account {
		t.Fatalf("a new user = %d to %q, want the account\n%s", status, location, said(page))
	}
	if page := v.page(account); !strings.Contains(page, "vera-") || strings.Contains(page, "vera@example.com") {
		t.Errorf("the account is not that of a new user without an address:\n%s", said(page))
	}
}
