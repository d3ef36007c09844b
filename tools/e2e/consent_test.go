package e2e_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// newcomer is a new user, who has given no client consent.
func newcomer(t *testing.T, userName string) *person.Person {
	t.Helper()
	if err := local(t).AddUser(t.Context(), userName, target.password); err != nil {
		t.Fatal(err)
	}
	return stranger(userName)
}

// TestLocalConsent: a third-party client needs consent once, and again when it
// requests more scopes or another resource. A first-party client needs none.
func TestLocalConsent(t *testing.T) {
	p := newcomer(t, "grace")
	const signIn, allow = "Sign in", "Allow Notes to access your account?"
	more := url.Values{"scope": {"openid email orders:read orders:write"}}
	for _, tt := range []struct {
		what   string
		signer signer
		change url.Values
		trail  []string
	}{
		{"the operator's own", target.portal, nil, []string{signIn}},
		{"the operator's own, again", target.portal, nil, nil},
		{"third-party", target.notes, nil, []string{allow}},
		{"third-party, again", target.notes, nil, nil},
		{"for less", target.notes, url.Values{"scope": {"openid"}, "resource": nil}, nil},
		{"for more", target.notes, more, []string{allow}},
		{"for more, again", target.notes, more, nil},
		{"to another address", signer{target.notes.id, target.notes.secret, "https://notes.example/other"}, nil, []string{allow}},
		{"for another API", target.notes, url.Values{"scope": {target.otherScope}, "resource": {target.otherResource}}, []string{allow}},
		{"that wants to be let in again", target.notes, url.Values{"prompt": {"consent"}}, []string{allow}},
		{"that wants another sign-in", target.notes, url.Values{"prompt": {"login"}}, []string{signIn}},
		{"of the operator that wants to be let in", target.portal, url.Values{"prompt": {"consent"}}, []string{"Allow The portal to access your account?"}},
	} {
		arrival := visit(t, p, tt.signer.address(tt.change))
		if arrival.Form.Get("code") == "" || !slices.Equal(arrival.Trail, tt.trail) {
			t.Errorf("a client %s asks %q and gets %v, want %q and a code\n%s", tt.what, arrival.Trail, arrival.Form, tt.trail, arrival.Page)
		}
	}
}

// TestDenied: a denied consent reaches the client as access_denied, and the user is
// asked again the next time.
func TestDenied(t *testing.T) {
	p := someone()
	p.Deny = true
	for range 2 {
		arrival := visit(t, p, target.notes.address(url.Values{"prompt": {"consent"}}))
		if arrival.URL != target.notes.redirect || arrival.Form.Get("error") != "access_denied" || arrival.Form.Get("iss") != target.url || arrival.Form.Get("state") != "a state" || arrival.Form.Get("code") != "" {
			t.Errorf("arrived at %s with %v, want access_denied with state and issuer", arrival.URL, arrival.Form)
		}
	}
}

// TestConsentIsBoundToItsRequest: an approval is valid only in the browser and for
// the request that the page was shown for (Dex CVE-2022-39222).
func TestConsentIsBoundToItsRequest(t *testing.T) {
	mine, other := someone(), someone()
	visit(t, mine, target.portal.address(nil)) // signs the user in
	visit(t, other, target.portal.address(nil))
	want := url.Values{"prompt": {"consent"}}
	page := func(p *person.Person, change url.Values) url.Values {
		_, _, html, err := p.Ask(t.Context(), "GET", "/authorize?"+target.notes.asked(change).Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		form := person.Form(html)
		if form == nil {
			t.Fatalf("there is no form on\n%s", html)
		}
		return form
	}
	form := page(mine, want)
	wider := page(mine, url.Values{"prompt": {"consent"}, "scope": {"openid email " + target.scope}})
	swapped := url.Values{}
	for name, values := range form {
		swapped[name] = values
	}
	swapped["csrf"] = wider["csrf"]
	for name, tt := range map[string]struct {
		who  *person.Person
		form url.Values
	}{
		"another browser":        {other, form},
		"signed out":             {someone(), form},
		"that of another prompt": {mine, swapped},
	} {
		status, location, _, err := tt.who.Ask(t.Context(), "POST", "/authorize", tt.form)
		if err != nil {
			t.Fatal(err)
		}
		to, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		if to.Query().Get("code") != "" {
			t.Errorf("the approval of %s = %d to %s, want no code", name, status, location)
		}
	}
	_, location, _, err := mine.Ask(t.Context(), "POST", "/authorize", form)
	if err != nil {
		t.Fatal(err)
	}
	if to, err := url.Parse(location); err != nil || to.Query().Get("code") == "" {
		t.Errorf("the approval where it was asked for leads to %q, want a code", location)
	}
}
