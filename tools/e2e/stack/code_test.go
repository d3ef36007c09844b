package stack_test

import (
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// callback is the redirect URI of Notes.
const callback = "https://notes.example/callback"

// A PKCE verifier and its challenge (RFC 7636 §B).
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// ada returns the user at a new browser.
func ada(s *fixture.Stack) *person.Person {
	return &person.Person{Issuer: s.BaseURL(), UserName: fixture.User, Password: fixture.Password}
}

// wish is the authorization request of Notes.
func wish() string {
	return contract.Authorize.Path() + "?" + url.Values{
		"client_id": {fixture.Notes}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"a state"},
		"scope": {"openid offline_access " + fixture.OrdersScope}, "resource": {fixture.Orders},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}.Encode()
}

// code gives Notes consent and returns its authorization code.
func code(t *testing.T, s *fixture.Stack, p *person.Person) string {
	t.Helper()
	arrival, err := p.Visit(t.Context(), s.BaseURL()+wish())
	if err != nil {
		t.Fatal(err)
	}
	if arrival.URL != callback || arrival.Form.Get("code") == "" {
		t.Fatalf("arrived at %s with %v after %q, want a code\n%s", arrival.URL, arrival.Form, arrival.Trail, arrival.Page)
	}
	return arrival.Form.Get("code")
}

// redemption is the token request of Notes for a code.
func redemption(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
}

// redeemed returns the tokens that Notes gets for a code.
func redeemed(t *testing.T, s *fixture.Stack, code string) tokens {
	t.Helper()
	a := post(t, s, "/token", fixture.Notes, redemption(code))
	if got := tokensOf(a); a.status == http.StatusOK && got.access != "" && got.refresh != "" {
		return got
	}
	t.Fatalf("redemption = %d %v, want 200 with tokens", a.status, a.object)
	return tokens{}
}

// TestCodesExpire: a code expires after a minute.
func TestCodesExpire(t *testing.T) {
	s, clock := start(t)
	p := ada(s)
	good, late := code(t, s, p), code(t, s, p)
	clock.pass(50 * time.Second)
	redeemed(t, s, good)
	clock.pass(15 * time.Second)
	if a := post(t, s, "/token", fixture.Notes, redemption(late)); a.status != 400 || a.object["error"] != "invalid_grant" {
		t.Errorf("after 65 seconds = %d %v, want 400 invalid_grant", a.status, a.object)
	}
}

// TestTheSameCodeTwice: an event that is delivered twice looks like a copied code. The
// second is refused, and the grant of the first ends.
func TestTheSameCodeTwice(t *testing.T) {
	s, _ := start(t)
	event := event(t, contract.Token, basic(s, fixture.Notes), redemption(code(t, s, ada(s))))
	if status := invoke(t, s, contract.Token.Name, event); status != 200 {
		t.Fatalf("first invocation = %d, want 200", status)
	}
	if status := invoke(t, s, contract.Token.Name, event); status != 400 {
		t.Errorf("second invocation = %d, want 400", status)
	}
	b := openBrowser(t, s)
	_, page := b.send(t, s, http.MethodGet, contract.Account.Path(), nil)
	// What has been is told below.
	if listed, _, _ := strings.Cut(page, `id="activity"`); strings.Contains(listed, "Notes") {
		t.Error("after the second invocation the session of the client is still listed")
	}
}

// TestReuseAfterARestart: a used value stays used after a restart of every function
// (Keycloak CVE-2026-9802). No decision depends on their memory.
func TestReuseAfterARestart(t *testing.T) {
	s, _ := start(t)
	used := code(t, s, ada(s))
	held := redeemed(t, s, used)
	other := redeemed(t, s, code(t, s, ada(s)))
	next := func(old string) string {
		return tokensOf(post(t, s, "/token", fixture.Notes, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {old}})).refresh
	}
	last := next(next(other.refresh))
	for _, pid := range s.PIDs(contract.Token.Name) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "every process is gone", func() bool { return len(s.PIDs(contract.Token.Name)) == 0 })
	for what, form := range map[string]url.Values{
		"the code":             redemption(used),
		"what the code gave":   {"grant_type": {"refresh_token"}, "refresh_token": {held.refresh}},
		"an old refresh token": {"grant_type": {"refresh_token"}, "refresh_token": {other.refresh}},
	} {
		if what == "what the code gave" { // the second use of the code ended it
			post(t, s, "/token", fixture.Notes, redemption(used))
		}
		if a := post(t, s, "/token", fixture.Notes, form); a.status != 400 || a.object["error"] != "invalid_grant" {
			t.Errorf("%s = %d %v, want 400 invalid_grant", what, a.status, a.object)
		}
	}
	if a := post(t, s, "/token", fixture.Notes, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {last}}); a.status != 400 {
		t.Errorf("the last refresh token after an old one came = %d %v, want the session to have ended", a.status, a.object)
	}
}

// TestAWSFailsOnTheWayIn: when the tables fail during an authorization, the user sees
// a page that asks to try again, and the client gets a temporary error. When the
// tables work again, the authorization goes on.
func TestAWSFailsOnTheWayIn(t *testing.T) {
	for name, fault := range map[string]iam.Fault{
		"throttles": {Error: iam.Throttled}, "breaks": {Error: iam.Broken}, "meets transactions": {Error: iam.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := start(t)
			p := ada(s)
			held := redeemed(t, s, code(t, s, p))
			begun := code(t, s, p)
			device := post(t, s, "/device_authorization", fixture.Television, url.Values{"scope": {"openid"}})
			deviceCode, _ := device.object["device_code"].(string)
			failing := func(c iam.Call) iam.Fault {
				if c.Service == "dynamodb" && (fault.Error != iam.Conflict || writes(c)) {
					return fault
				}
				return iam.Fault{}
			}
			access := post(t, s, "/token", fixture.Notes, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {held.refresh}})
			info := tokensOf(access).access
			s.Wall().Inject(failing)
			for what, ask := range map[string]func() answer{
				"redemption": func() answer { return post(t, s, "/token", fixture.Notes, redemption(begun)) },
				"poll": func() answer {
					return post(t, s, "/token", fixture.Television, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {deviceCode}})
				},
				"push": func() answer {
					_, query, _ := strings.Cut(wish(), "?")
					form, err := url.ParseQuery(query)
					if err != nil {
						t.Fatal(err)
					}
					return post(t, s, "/par", fixture.Notes, form)
				},
				"device": func() answer {
					return post(t, s, "/device_authorization", fixture.Television, url.Values{"scope": {"openid"}})
				},
			} {
				if what == "poll" && fault.Error == iam.Conflict { // a poll writes no transaction
					continue
				}
				a := ask()
				if a.status != http.StatusServiceUnavailable || a.object["error"] != "temporarily_unavailable" || a.header.Get("Retry-After") == "" {
					t.Errorf("%s = %d %v, want 503 temporarily_unavailable with Retry-After", what, a.status, a.object)
				}
			}
			if fault.Error != iam.Conflict { // a conflict does not hinder a read
				if status := bearer(t, s, http.MethodGet, "/userinfo", info); status != http.StatusServiceUnavailable {
					t.Errorf("userinfo = %d, want 503", status)
				}
				status, location, page, err := p.Ask(t.Context(), http.MethodGet, wish(), nil)
				if err != nil {
					t.Fatal(err)
				}
				told := strings.HasPrefix(location, callback) && strings.Contains(location, "error=temporarily_unavailable")
				if !told && (status != http.StatusServiceUnavailable || !strings.Contains(page, "<h1>")) {
					t.Errorf("the page = %d to %q, want 503 for the user, or an error for the client\n%s", status, location, page)
				}
			}
			s.Wall().Inject(nil)
			if a := post(t, s, "/token", fixture.Notes, redemption(begun)); a.status != http.StatusOK {
				t.Errorf("after the outage the code is worth %d %v, want tokens", a.status, a.object)
			}
			if !active(t, s, redeemed(t, s, code(t, s, p)).access) {
				t.Error("after the outage a new code gives no active token")
			}
		})
	}
}

// TestGuessesOfDeviceCodes: after wrong codes a user has to wait (RFC 8628 §5.1), even
// with the right code.
func TestGuessesOfDeviceCodes(t *testing.T) {
	s, clock := start(t)
	a := post(t, s, "/device_authorization", fixture.Television, url.Values{"scope": {"openid"}})
	right, _ := a.object["user_code"].(string)
	p := ada(s)
	type_ := func(code string) *person.Arrival {
		p.Code = code
		arrival, err := p.Visit(t.Context(), s.BaseURL()+contract.Device.Path())
		if err != nil {
			t.Fatal(err)
		}
		return arrival
	}
	guesses := 0
	for ; guesses < 20; guesses++ {
		if arrival := type_("BBBB-BBB" + string("BCDFGHJKLMNPQRSTVWXZ"[guesses])); arrival.Status == http.StatusTooManyRequests {
			break
		}
	}
	if guesses == 0 || guesses > 6 {
		t.Errorf("%d wrong codes are let through, want about 5", guesses)
	}
	if arrival := type_(right); arrival.Status != http.StatusTooManyRequests {
		t.Errorf("the right code right afterwards = %d after %q, want 429", arrival.Status, arrival.Trail)
	}
	clock.pass(9 * time.Minute)
	if arrival := type_(right); !strings.Contains(arrival.Page, web.DeviceDone(true).Title) {
		t.Errorf("nine minutes later = %d after %q, want the device let in\n%s", arrival.Status, arrival.Trail, arrival.Page)
	}
}
