package e2e_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// someone returns the user at a known browser, signed out.
func someone() *person.Person { return known().SignedOut() }

// known returns a browser in which the user has signed in before. All others are made
// from it, because the server limits the sign-ins of unknown browsers per minute.
var known = sync.OnceValue(func() *person.Person {
	p := stranger(target.userName)
	if _, err := p.Visit(context.Background(), target.url+"/login"); err != nil || !p.SignedIn() {
		panic(fmt.Sprintf("the user cannot sign in: %v", err))
	}
	return p
})

// stranger returns a user at a new browser.
func stranger(userName string) *person.Person {
	return &person.Person{Issuer: target.url, UserName: userName, Password: target.password, Seen: target.remember}
}

// visits lets scripts send a user to an address, until end is called.
func visits() (end func()) {
	server := httptest.NewServer(&person.Visits{New: someone})
	target.people = server.URL
	return server.Close
}

// visit sends a user to an address and returns where the visit ends.
func visit(t *testing.T, p *person.Person, address string) *person.Arrival {
	t.Helper()
	arrival, err := p.Visit(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return arrival
}

// verifier is a PKCE verifier, and challenge its challenge (RFC 7636 §B).
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// asked returns the authorization request of a client; change adds, replaces or, with
// nil, removes parameters.
func (s signer) asked(change url.Values) url.Values {
	q := url.Values{
		"client_id": {s.id}, "redirect_uri": {s.redirect}, "response_type": {"code"}, "state": {"a state"},
		"scope": {"openid offline_access " + target.scope}, "resource": {target.resource},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for name, values := range change {
		q[name] = values
	}
	return q
}

// address returns the URL of an authorization request.
func (s signer) address(change url.Values) string {
	return target.url + "/authorize?" + s.asked(change).Encode()
}

// code gives a client consent and returns its authorization code.
func (s signer) code(t *testing.T, p *person.Person, change url.Values) string {
	t.Helper()
	arrival := visit(t, p, s.address(change))
	code := arrival.Form.Get("code")
	if code == "" || arrival.URL != s.redirect || arrival.Form.Get("iss") != target.url || arrival.Form.Get("state") != "a state" {
		t.Fatalf("%s arrives at %s with %v after %q, want a code, the state and the issuer at %s\n%s", s.id, arrival.URL, arrival.Form, arrival.Trail, s.redirect, arrival.Page)
	}
	return code
}

// redemption is the token request for a code.
func (s signer) redemption(code string, change url.Values) request {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.redirect}, "code_verifier": {verifier},
	}
	if s.secret == "" {
		form.Set("client_id", s.id)
	}
	for name, values := range change {
		if form[name] = values; values == nil {
			delete(form, name)
		}
	}
	return request{method: "POST", path: "/token", id: s.basic(), secret: s.secret, form: form}
}

// basic returns the id of a client with a secret, "" for others.
func (s signer) basic() string {
	if s.secret == "" {
		return ""
	}
	return s.id
}

// signedIn gives a client consent and returns its tokens.
func (s signer) signedIn(t *testing.T, p *person.Person, change url.Values) answer {
	t.Helper()
	a := s.redemption(s.code(t, p, change), nil).do(t)
	if a.status != 200 {
		t.Fatalf("redemption by %s = %d %s, want 200", s.id, a.status, a.body)
	}
	return a
}

// desktop returns the client on a user's computer, with a loopback port.
func desktop() signer { return signer{target.desktopID, "", "http://127.0.0.1:52222/callback"} }

// asks reports whether the visit went through a page with that heading.
func asks(a *person.Arrival, heading string) bool { return slices.Contains(a.Trail, heading) }
