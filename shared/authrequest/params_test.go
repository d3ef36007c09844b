package authrequest_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/authrequest"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

func TestParseRecordsRepeatedParameters(t *testing.T) {
	p, err := authrequest.Parse("client_id=a&state=&resource=x&resource=&resource=y&scope=b+c&own=1&nonce=1&nonce=2")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Known().Encode(), "client_id=a&resource=x&resource=y&scope=b+c"; got != want {
		t.Errorf("Known = %s, want %s: what is empty, unknown or repeated is left out", got, want)
	}
	if got := p.Take("own"); got != "1" || p.Get("own") != "" {
		t.Errorf("Take = %q and leaves %q, want 1 and nothing", got, p.Get("own"))
	}
	for _, query := range []string{"a=%", "a=%zz", "a=1;b=2", strings.Repeat("a&", 3) + many(101)} {
		if p, err := authrequest.Parse(query); err == nil {
			t.Errorf("Parse(%.40q) = %v, want an error", query, p)
		}
	}
}

func many(n int) string {
	form := url.Values{}
	for i := range n {
		form.Set(strings.Repeat("p", i+1), "1")
	}
	return form.Encode()
}

var c = &client.Client{
	ID: "app", Grants: []string{oauth.GrantAuthorizationCode}, RedirectURIs: []string{"https://app.example.com/cb", "com.example.app:/cb"},
}

// The address is a registered one or none. All values that return to it are text that
// every browser can carry.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"client_id=app&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&state=x&response_mode=form_post",
		"redirect_uri=https://app.example.com/cb&response_type=code&code_challenge_method=S256&code_challenge=" + strings.Repeat("A", 43) + "&prompt=none&max_age=1&acr_values=x+aal2&scope=a+b&resource=https://a.example",
		"redirect_uri=https://app.example.com/cb&response_type=code&code_challenge_method=S256&code_challenge=" + strings.Repeat("A", 43) + "&resource=%22",
		"redirect_uri=https://app.example.com/cb&redirect_uri=https://evil.example", "redirect_uri=com.example.app:/cb&response_mode=form_post",
		"redirect_uri=https://app.example.com/cb&state=%00", "state=%ff&redirect_uri=https://app.example.com/cb", "a=%", "&&&", "resource=a&resource=b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		p, err := authrequest.Parse(query)
		if err != nil {
			return
		}
		again, err := authrequest.Parse(p.Known().Encode())
		if err != nil || again.Known().Encode() != p.Known().Encode() {
			t.Errorf("the known parameters of %q are not read as they are written: %v", query, err)
		}
		r, err := authrequest.Address(c, p)
		if err != nil {
			return
		}
		if r.RedirectURI != c.RedirectURIs[0] && r.RedirectURI != c.RedirectURIs[1] {
			t.Errorf("Address of %q = %q, which is not registered", query, r.RedirectURI)
		}
		if !utf8.ValidString(r.State) || strings.ContainsFunc(r.State, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Errorf("Address of %q answers with the state %q", query, r.State)
		}
		if r.Mode == authrequest.FormPost && !strings.HasPrefix(r.RedirectURI, "https://") {
			t.Errorf("Address of %q posts a form to %q", query, r.RedirectURI)
		}
		// The client has access to nothing, so that Judge needs no read.
		err = r.Judge(t.Context(), &audience.Resolver{Issuer: "https://auth.example.com", Clients: &client.Store{}})
		refused, ok := errors.AsType[*oauth.Error](err)
		if err != nil && !ok {
			t.Errorf("Judge of %q = %v, want a refusal or none", query, err)
		}
		if asked := strings.Fields(p.Get("acr_values")); r.ACR != "" && (!slices.Contains(asked, r.ACR) || !slices.Contains(oauth.ACRValues, r.ACR)) {
			t.Errorf("Judge of %q asks for the class %q", query, r.ACR)
		}
		if ok && strings.ContainsFunc(refused.Detail, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
			t.Errorf("Judge of %q says %q, which RFC 6749 does not allow", query, refused.Detail)
		}
	})
}
