package authorize_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// The consent page of a third-party client shows the client, the scopes and the target
// of the redirect. The consent of the user is remembered.
func TestConsent(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	asked := request(others, "scope", "openid profile email offline_access orders:read orders:all billing:read")
	asked["resource"] = []string{orders, billing}
	s.wire.reset()
	page := get(b, asked)
	if n := s.wire.writes.Load(); n != 0 {
		t.Errorf("the question wrote %d times, want none before the answer", n)
	}
	form := s.asked(page)
	shown := words(page.Body)
	for _, want := range []string{
		"Allow Orders <app> to access your account?", "You are signed in as Ada Lovelace", "Sign you in and recognize you", "See your name and username",
		"See your email address", "Keep this access while you are away", "Order API See your orders orders:all", billing + " billing:read",
		"You continue to app.example.com .",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the question lacks %q:\n%s", want, shown)
		}
	}
	for _, unwanted := range []string{"Order for you", "registered itself"} {
		if strings.Contains(shown, unwanted) {
			t.Errorf("the question has %q, which was not asked for", unwanted)
		}
	}
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.HasSuffix(policy, "form-action 'self' https:") || !strings.Contains(policy, "frame-ancestors 'none'") || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers = %v, want a policy for one address, no frames, and no-store", page.Header)
	}
	got := b.Post("/authorize", choose(form, "allow"))
	c := s.let(got)
	if got.Status != 303 || c.Scope != asked.Get("scope") || len(c.Audience) != 2 || s.sent(got, callback).Get("state") != asked.Get("state") {
		t.Errorf("answer = %d with %+v, want 303 with a code for what was shown", got.Status, c)
	}
	if n := s.Entries("consent.give"); n != 1 {
		t.Errorf("the trail has %d consents, want 1", n)
	}
	for name, q := range map[string]url.Values{
		"again": asked, "without asking": with(asked, "prompt", "none"), "less": with(asked, "scope", "openid orders:read"), "another state": with(asked, "state", "x"),
	} {
		if c := s.let(get(b, q)); c.Subject != s.ada {
			t.Errorf("%s: code = %+v, want one", name, c)
		}
	}
	if n := s.Entries("consent.give"); n != 1 {
		t.Errorf("the trail has %d consents afterwards, want 1", n)
	}
}

func with(q url.Values, name, value string) url.Values {
	out := url.Values{}
	for n, v := range q {
		out[n] = v
	}
	out.Set(name, value)
	return out
}

// TestMCPConfusedDeputy: a consent is not reused for another user, client, redirect URI
// or resource, or for one more scope.
func TestMCPConfusedDeputy(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	allowed := request(others, "scope", "orders:read")
	s.let(b.Post("/authorize", choose(s.asked(get(b, allowed)), "allow")))
	s.let(get(b, allowed))
	s.add("others2", func(*client.Client) {})
	_, hers := s.Login(s.Person("eve", ""))
	for name, try := range map[string]func() routetest.Answer{
		"another person":   func() routetest.Answer { return get(pagetest.Open(s.route, hers), allowed) },
		"another client":   func() routetest.Answer { return get(b, with(allowed, "client_id", "others2")) },
		"another address":  func() routetest.Answer { return get(b, with(allowed, "redirect_uri", callback+"?tenant=1")) },
		"another resource": func() routetest.Answer { return get(b, request(others, "scope", "billing:read", "resource", billing)) },
		"one scope more":   func() routetest.Answer { return get(b, with(allowed, "scope", "orders:read orders:write")) },
		"all scopes":       func() routetest.Answer { return get(b, with(allowed, "scope", "")) },
		"who it is":        func() routetest.Answer { return get(b, with(allowed, "scope", "orders:read openid")) },
		"asked to ask":     func() routetest.Answer { return get(b, with(allowed, "prompt", "consent")) },
	} {
		t.Run(name, func(*testing.T) { s.asked(try()) })
	}
}

// A native application uses another loopback port each time. Its consent is valid for
// all ports.
func TestConsentOfALoopbackClient(t *testing.T) {
	s := newScene(t)
	s.add("cli", func(c *client.Client) { c.RedirectURIs = []string{"http://127.0.0.1/cb"} })
	b := s.signedIn()
	page := get(b, request("cli", "redirect_uri", "http://127.0.0.1:50001/cb"))
	if !strings.Contains(words(page.Body), "You continue to an app on this device .") {
		t.Errorf("the question does not say where it leads:\n%s", words(page.Body))
	}
	s.sent(b.Post("/authorize", choose(s.asked(page), "allow")), "http://127.0.0.1:50001/cb")
	s.sent(get(b, request("cli", "redirect_uri", "http://127.0.0.1:50002/cb")), "http://127.0.0.1:50002/cb")
}

func TestDenied(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	form := s.asked(get(b, request(others)))
	for _, decision := range []string{"deny", "anything else"} {
		fields := s.sent(b.Post("/authorize", choose(form, decision)), callback)
		if fields.Get("error") != "access_denied" || fields.Has("code") || fields.Get("state") == "" || fields.Get("iss") == "" {
			t.Errorf("%s = %v, want access_denied", decision, fields)
		}
	}
	s.asked(get(b, request(others)))
	if n := s.Entries("consent.give"); n != 0 {
		t.Errorf("the trail has %d consents, want none", n)
	}
}

// A first-party client needs no consent, but may ask for it with prompt=consent.
func TestFirstPartyIsNotAsked(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	s.let(get(b, request(own, "scope", "openid email offline_access orders:read")))
	form := s.asked(get(b, request(own, "prompt", "consent")))
	s.let(b.Post("/authorize", choose(form, "allow")))
	if n := s.Entries("consent.give"); n != 0 {
		t.Errorf("the trail has %d consents, want none of the operator's own client", n)
	}
}

// A self-registered client needs consent each time, and its name is shown as
// unverified.
func TestSelfRegisteredIsAlwaysAsked(t *testing.T) {
	s := newScene(t)
	self := client.Client{
		ID: "https://tools.example.org/client.json", Name: "Your Bank", AuthMethods: []string{oauth.AuthNone}, Grants: []string{oauth.GrantAuthorizationCode},
		RedirectURIs: []string{callback}, SelfRegistered: true,
	}
	s.handler.Clients.Documents = func(context.Context, string) (*client.Client, error) { return &self, nil }
	b := s.signedIn()
	asked := request(self.ID, "scope", "openid orders:read", "resource", orders)
	for range 2 {
		page := get(b, asked)
		form := s.asked(page)
		shown := words(page.Body)
		for _, want := range []string{"Allow Your Bank to access your account?", "chose its name", "It belongs to tools.example.org", "See your orders"} {
			if !strings.Contains(shown, want) {
				t.Errorf("the question lacks %q:\n%s", want, shown)
			}
		}
		if c := s.let(b.Post("/authorize", choose(form, "allow"))); c.Scope != "openid orders:read" {
			t.Errorf("code = %+v, want one for what was shown", c)
		}
	}
	if fields := s.sent(get(b, with(asked, "prompt", "none")), callback); fields.Get("error") != "consent_required" {
		t.Errorf("prompt none = %v, want consent_required", fields)
	}
	if fields := s.sent(get(b, with(asked, "scope", "orders:write")), callback); fields.Get("error") != "invalid_scope" {
		t.Errorf("a scope that is not for such clients = %v, want invalid_scope", fields)
	}
}

// TestDexCVE202239222ApprovalIsBound: an approval is valid only for the question that
// was shown to this user in this browser.
func TestDexCVE202239222ApprovalIsBound(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	ask := func(b *pagetest.Browser, changes ...string) url.Values {
		return s.asked(get(b, request(others, changes...)))
	}
	good := ask(b, "scope", "orders:read")
	wider := ask(b, "scope", "orders:read orders:write")
	elsewhere := ask(b, "scope", "orders:read", "redirect_uri", callback+"?tenant=1")
	attacker := request(others, "scope", "orders:read", "state", "attacker", "code_challenge", strings.Repeat("A", 43))
	_, hers := s.Login(s.Person("eve", ""))
	eve := pagetest.Open(s.route, hers)
	eves := ask(eve, "scope", "orders:read")
	mix := func(csrf, authorization url.Values) url.Values {
		return url.Values{"csrf": {csrf.Get("csrf")}, "authorization": {authorization.Get("authorization")}, "decision": {"allow"}}
	}
	for name, try := range map[string]func() routetest.Answer{
		"more scopes than were shown": func() routetest.Answer { return b.Post("/authorize", mix(good, wider)) },
		"another address":             func() routetest.Answer { return b.Post("/authorize", mix(good, elsewhere)) },
		"the attacker's own request": func() routetest.Answer {
			return b.Post("/authorize", mix(good, url.Values{"authorization": {attacker.Encode()}}))
		},
		"the attacker's own token": func() routetest.Answer { return b.Post("/authorize", mix(eves, good)) },
		"no token":                 func() routetest.Answer { return b.Post("/authorize", mix(url.Values{}, good)) },
		"the token of the sign-in": func() routetest.Answer {
			return b.Post("/authorize", mix(url.Values{"csrf": {s.token(b, "login")}}, good))
		},
		"the token in another browser":  func() routetest.Answer { return pagetest.Open(s.route, s.cookie).Post("/authorize", mix(good, good)) },
		"the next login of the browser": func() routetest.Answer { return s.next(b).Post("/authorize", mix(good, good)) },
	} {
		got := try()
		if got.Status != 400 || got.Header.Get("Location") != "" || len(pagetest.Forms(got.Body)) != 1 {
			t.Errorf("%s: answer = %d to %q, want the question once more", name, got.Status, got.Header.Get("Location"))
		}
	}
	for name, try := range map[string]func() routetest.Answer{
		"another site": func() routetest.Answer {
			return b.PostFrom("/authorize", mix(good, good), "https://evil.test", "cross-site")
		},
		"a neighbour": func() routetest.Answer {
			return b.PostFrom("/authorize", mix(good, good), "https://app.example.com", "same-site")
		},
		"nobody knows where": func() routetest.Answer { return b.PostFrom("/authorize", mix(good, good), "", "") },
	} {
		isPage(t, name, try(), 403)
	}
	if got := s.nobody().Post("/authorize", mix(good, good)); got.Status != 303 || !strings.HasPrefix(got.Header.Get("Location"), "/login?") {
		t.Errorf("nobody: answer = %d to %q, want the sign-in", got.Status, got.Header.Get("Location"))
	}
	if n := s.Entries("consent.give"); n != 0 {
		t.Fatalf("the trail has %d consents, want none", n)
	}
	// The scopes may grow after the page was shown: a request without scope is for all.
	open := ask(b)
	s.add(others, func(c *client.Client) { c.Access[0].Scopes = append(c.Access[0].Scopes, "orders:new") })
	s.Protect(client.Resource{ID: orders, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "orders:read"}, {Name: "orders:write"}, {Name: "orders:all"}, {Name: "orders:new"}}})
	s.rebuild()
	b.Route = s.route
	if got := b.Post("/authorize", choose(open, "allow")); got.Status != 400 {
		t.Errorf("more than was shown: answer = %d, want the question once more", got.Status)
	}
	s.let(b.Post("/authorize", mix(good, good)))
}

// token is a token for another form of the browser.
func (s *scene) token(b *pagetest.Browser, purpose string) string {
	s.T.Helper()
	r := routetest.Form("/", nil)
	r.Header.Set("Cookie", websec.FormCookie+"="+b.Cookies[websec.FormCookie])
	token, err := s.Forms().Token(s.T.Context(), httptest.NewRecorder(), r, purpose)
	if err != nil {
		s.T.Fatal(err)
	}
	return token
}

// next is the browser after a user has signed in again.
func (s *scene) next(b *pagetest.Browser) *pagetest.Browser {
	_, cookie := s.Login(s.ada)
	next := pagetest.Open(b.Route, cookie)
	next.Cookies[websec.FormCookie] = b.Cookies[websec.FormCookie]
	return next
}

// A user who was disabled or removed cannot give consent.
func TestDisabledPersonIsNotAsked(t *testing.T) {
	s := newScene(t)
	u := &identity.User{Subject: identity.NewSubject(s.Time), UserName: "grace", Revision: 1}
	s.Store(u)
	_, cookie := s.Login(u.Subject)
	u.Disabled = true
	s.Store(u)
	s.way(get(pagetest.Open(s.route, cookie), request(others)))
	got := get(pagetest.Open(s.route, cookie), request(own, "prompt", "none", "login_hint", "grace"))
	if fields := s.sent(got, callback); fields.Get("error") != "login_required" {
		t.Errorf("prompt none = %v, want login_required", fields)
	}
}
