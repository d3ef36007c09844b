package authorize_test

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

func TestCode(t *testing.T) {
	s := newScene(t)
	got := get(s.signedIn(), request(own, "scope", "openid orders:read", "resource", orders+"/", "nonce", "n", "dpop_jkt", thumb))
	fields := s.sent(got, callback)
	if got.Status != 302 || len(fields) != 3 || fields.Get("state") != "s t+ä&=%" || fields.Get("iss") != routetest.Issuer {
		t.Fatalf("answer = %d with %v, want 302 with code, state and iss", got.Status, fields)
	}
	c := s.opened(fields.Get("code"))
	want, _ := session.ParseChallenge(challenge)
	if c.Subject != s.ada || c.Login != s.login.ID || c.Client != session.DigestOf(own) || c.RedirectURI != session.DigestOf(callback) || c.Challenge != want {
		t.Errorf("code = %+v, want one of ada for the client, its address and its challenge", c)
	}
	if c.Scope != "openid orders:read" || !slices.Equal(c.Audience, []string{orders}) || c.Nonce != "n" || c.JKT != thumb ||
		!c.AuthTime.Equal(s.login.AuthTime) || !slices.Equal(c.AMR, []string{"pwd"}) || c.Expires.Sub(s.Time) != session.CodeLife {
		t.Errorf("code = %+v, want what was asked for, of this sign-in, for a minute", c)
	}
	if log := s.Log.String(); strings.Contains(log, "tsc_") || !strings.Contains(log, s.login.ID) || !strings.Contains(log, `"client":"own"`) {
		t.Errorf("log = %s, want the client and the session, and no code", log)
	}
}

// Without scope, resource and state a client gets what is its default, and no
// state.
func TestDefaults(t *testing.T) {
	s := newScene(t)
	fields := s.sent(get(s.signedIn(), request(own, "state", "")), callback)
	if _, ok := fields["state"]; ok {
		t.Errorf("answer = %v, want no state where none was sent", fields)
	}
	if c := s.opened(fields.Get("code")); c.Scope != "orders:all orders:read orders:write" || !slices.Equal(c.Audience, []string{orders}) || c.Nonce != "" || c.JKT != "" {
		t.Errorf("code = %+v, want the default resource with all scopes", c)
	}
}

func TestAddresses(t *testing.T) {
	s := newScene(t)
	for uri, separator := range map[string]string{
		callback + "?tenant=1": "&", "http://127.0.0.1:49152/cb": "?", "http://127.0.0.1/cb": "?", "http://[::1]:1/cb": "?", "com.example.app:/cb": "?",
	} {
		id := native
		if strings.HasPrefix(uri, callback) {
			id = own
		}
		got := get(s.signedIn(), request(id, "redirect_uri", uri))
		if c := s.opened(s.sent(got, uri).Get("code")); c.RedirectURI != session.DigestOf(uri) {
			t.Errorf("%s: the code is for another address", uri)
		}
		if location := got.Header.Get("Location"); !strings.HasPrefix(location, uri+separator+"code=") {
			t.Errorf("%s: Location = %q, want the parameters behind %q", uri, location, separator)
		}
	}
}

var action = regexp.MustCompile(`<form method="post" action="([^"]*)">`)

// posted is what a form_post answer sends.
func posted(t *testing.T, a routetest.Answer, address string) url.Values {
	t.Helper()
	forms, to := pagetest.Forms(a.Body), action.FindStringSubmatch(a.Body)
	if a.Status != 200 || a.Header.Get("Location") != "" || len(forms) != 1 || len(to) != 2 || html.UnescapeString(to[1]) != address {
		t.Fatalf("answer = %d to %q, want a page that posts to %s:\n%s", a.Status, a.Header.Get("Location"), address, a.Body)
	}
	return forms[0]
}

func TestFormPost(t *testing.T) {
	s := newScene(t)
	got := get(s.signedIn(), request(own, "response_mode", "form_post", "redirect_uri", callback+"?tenant=1"))
	fields := posted(t, got, callback+"?tenant=1")
	if len(fields) != 3 || fields.Get("state") != "s t+ä&=%" || fields.Get("iss") != routetest.Issuer {
		t.Errorf("the form has %v, want code, state and iss", fields)
	}
	s.opened(fields.Get("code"))
	policy := got.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "form-action 'self' https:; script-src 'sha256-") || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers = %v, want a policy for one script and one address, and no-store", got.Header)
	}
	refused := posted(t, get(s.nobody(), request(own, "response_mode", "form_post", "prompt", "none")), callback)
	if refused.Get("error") != "login_required" || refused.Get("state") == "" || refused.Get("iss") != routetest.Issuer || refused.Get("code") != "" {
		t.Errorf("a refusal has %v, want login_required with state and iss", refused)
	}
}

// A client may post its request. The browser is redirected to GET and sends our cookie
// then, which it does not send with another site's form.
func TestPostedRequest(t *testing.T) {
	s := newScene(t)
	b := s.nobody()
	form := request(own, "scope", "openid", "since", "x", "other", "y")
	form["resource"] = []string{orders, billing}
	got := b.PostFrom("/authorize", form, "https://app.example.com", "cross-site")
	location := got.Header.Get("Location")
	if got.Status != 303 || !strings.HasPrefix(location, "/authorize?") || strings.Contains(location, "other") || strings.Contains(location, "since") {
		t.Fatalf("answer = %d to %q, want 303 to ourselves with what means something", got.Status, location)
	}
	c := s.let(s.signedIn().Get(location))
	if c.Scope != "openid" || !slices.Equal(c.Audience, []string{orders, billing}) {
		t.Errorf("code = %+v, want what was posted", c)
	}
	form.Set("state", strings.Repeat("x", 5000))
	if got := b.PostFrom("/authorize", form, "https://app.example.com", "cross-site"); got.Status != 400 || got.Header.Get("Location") != "" {
		t.Errorf("a long request posted = %d to %q, want a page", got.Status, got.Header.Get("Location"))
	}
}

func TestOtherMethods(t *testing.T) {
	s := newScene(t)
	got := routetest.Do(s.route, routetest.JSON("/authorize", "client_id", own))
	if got.Status != 400 || !strings.Contains(got.Body, "<h1>") || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("JSON = %d %s, want 400 as a page, to be read by nobody else", got.Status, got.Body)
	}
}
