package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// forget removes a user, but not the links to them.
func (s *scene) forget(subject string) {
	s.T.Helper()
	table := s.Table(contract.Registry)
	if _, err := s.DB.DeleteItem(s.T.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: dynamo.UserKey(subject)}); err != nil {
		s.T.Fatal(err)
	}
}

var lost = web.UpstreamLost("").Text

// Casdoor CVE-2026-9098: an answer to a journey that the user did not begin signs no
// user in.
func TestUnsolicitedAnswer(t *testing.T) {
	s := newScene(t)
	good := s.there(s.open(""), start) // a good answer in another browser
	u, err := url.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	code := u.Query().Get("code")
	for name, q := range map[string]url.Values{
		"no state":          {"code": {code}},
		"empty state":       {"code": {code}, "state": {""}},
		"made-up state":     {"code": {code}, "state": {"1234"}},
		"well-formed state": {"code": {code}, "state": {opaque.Write(opaque.UpstreamState, make([]byte, 32))}},
		"nothing":           {},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.open("")
			b.Get("/upstream/nowhere") // and has a form cookie
			b.Cookies[websec.FormCookie] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			before := len(s.server.Requests())
			s.refused(b, b.Get(start+"/callback?"+q.Encode()), http.StatusBadRequest, lost)
			if made := s.server.Requests()[before:]; len(made) > 0 {
				t.Errorf("the upstream was asked %v, want nothing", made)
			}
		})
	}
}

// Zitadel CVE-2025-46815: an answer is good once.
func TestReplayedAnswer(t *testing.T) {
	s := newScene(t)
	b := s.open("")
	back := s.there(b, start)
	if a := b.Get(back); a.Status != http.StatusSeeOther {
		t.Fatalf("the answer = %d", a.Status)
	}
	delete(b.Cookies, websec.SessionCookie)
	s.refused(b, b.Get(back), http.StatusBadRequest, lost)
	if n := len(s.Live(s.people()[0].Subject)); n != 1 {
		t.Errorf("there are %d sessions, want one", n)
	}
}

// Login CSRF: an attacker who has a victim open the answer to the attacker's own
// journey does not have the victim signed in as the attacker.
func TestAnswerSwappedBetweenBrowsers(t *testing.T) {
	s := newScene(t)
	attacker, victim := s.open(""), s.open("")
	s.there(victim, start) // the victim began a journey, too
	back := s.there(attacker, start)
	s.refused(victim, victim.Get(back), http.StatusBadRequest, lost)
	s.refused(attacker, attacker.Get(back), http.StatusBadRequest, lost) // it is over
	fresh := s.open("")
	s.refused(fresh, fresh.Get(s.there(attacker, start)), http.StatusBadRequest, lost)
}

// An answer to a journey to one upstream is none of another.
func TestAnswerSwappedBetweenUpstreams(t *testing.T) {
	s := newScene(t)
	s.offer("evil", func(*upstream.Upstream) {})
	b := s.open("")
	back := s.there(b, start)
	before := len(s.server.Requests())
	s.refused(b, b.Get(strings.Replace(back, "/work/", "/evil/", 1)), http.StatusBadRequest, lost)
	if made := s.server.Requests()[before:]; len(made) > 0 {
		t.Errorf("the code was shown to %v", made)
	}
	s.refused(b, b.Get(back), http.StatusBadRequest, lost)
}

// Mix-up (RFC 9207): an issuer that redirects a user to another one gets no code of
// the other one.
func TestMixUp(t *testing.T) {
	s := newScene(t)
	honest := upstreamtest.OIDC(t)
	s.server.Behave(upstreamtest.Manners{Answer: honest.URL})
	b := s.open("")
	back := s.there(b, start)
	before := len(s.server.Requests())
	s.refused(b, b.Get(back), http.StatusBadRequest, web.UpstreamFailed("Work & Co", "", "").Text)
	if made := s.server.Requests()[before:]; len(made) > 0 {
		t.Errorf("the code was shown to %v", made)
	}
}

func TestLateAnswer(t *testing.T) {
	s := newScene(t)
	b := s.open("")
	back := s.there(b, start+"?return=%2Fdevice")
	s.Pass(relying.JourneyLife)
	a := b.Get(back)
	s.refused(b, a, http.StatusBadRequest, lost)
	if !strings.Contains(a.Body, `href="/login?return=%2Fdevice"`) {
		t.Errorf("the page leads not back to where the person came from: %s", a.Body)
	}
}

// Each case is an answer that an upstream must not give, and the page that the user
// sees.
func TestHostileAnswer(t *testing.T) {
	claim := func(name string, value any) upstreamtest.Manners {
		return upstreamtest.Manners{Claims: map[string]any{name: value}}
	}
	failed, down := web.UpstreamFailed("Work & Co", "", "").Text, web.UpstreamDown("Work & Co", "", "").Title
	tests := []struct {
		name    string
		manners upstreamtest.Manners
		status  int
		text    string
	}{
		{"wrong nonce", claim("nonce", "another"), http.StatusBadRequest, failed},
		{"wrong audience", claim("aud", "another-client"), http.StatusBadRequest, failed},
		{"wrong issuer", claim("iss", "https://accounts.example.com"), http.StatusBadRequest, failed},
		{"expired", claim("exp", time.Now().Add(-time.Hour).Unix()), http.StatusBadRequest, failed},
		{"alg none", upstreamtest.Manners{Algorithm: "none"}, http.StatusBadRequest, failed},
		{"alg HS256", upstreamtest.Manners{Algorithm: "HS256"}, http.StatusBadRequest, failed},
		{"foreign key", upstreamtest.Manners{Foreign: true}, http.StatusBadRequest, failed},
		{"code is refused", upstreamtest.Manners{TokenError: "invalid_grant"}, http.StatusBadRequest, failed},
		{"redirect at the token endpoint", upstreamtest.Manners{Moved: "/token", Elsewhere: "/userinfo"}, http.StatusBadRequest, failed},
		{"huge answer", upstreamtest.Manners{Huge: "/token"}, http.StatusBadRequest, failed},
		{"person says no", upstreamtest.Manners{Error: "access_denied"}, http.StatusForbidden, web.UpstreamDenied("Work & Co", "").Text},
		{"error", upstreamtest.Manners{Error: "invalid_scope"}, http.StatusBadRequest, failed},
		{"error that passes", upstreamtest.Manners{Error: "server_error"}, http.StatusServiceUnavailable, down},
		{"down", upstreamtest.Manners{Down: "/token"}, http.StatusServiceUnavailable, down},
	}
	s := newScene(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.T = t
			s.server.Behave(tt.manners)
			b := s.open("")
			back := s.there(b, start)
			s.refused(b, b.Get(back), tt.status, tt.text)
			if all := s.people(); len(all) != 0 {
				t.Errorf("%d people were made, want none", len(all))
			}
			s.server.Behave(upstreamtest.Manners{})
			s.refused(b, b.Get(back), http.StatusBadRequest, lost)
			if strings.Contains(s.Log.String(), s.server.Secret) {
				t.Error("the log holds our secret")
			}
		})
	}
}

// A stolen code is worth nothing in another journey.
func TestSwappedCode(t *testing.T) {
	for name, manners := range map[string]upstreamtest.Manners{"PKCE": {}, "nonce": {Careless: true}} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.server.Behave(manners)
			victim, attacker := s.open(""), s.open("")
			stolen, err := url.Parse(s.there(victim, start))
			if err != nil {
				t.Fatal(err)
			}
			own, err := url.Parse(s.there(attacker, start))
			if err != nil {
				t.Fatal(err)
			}
			q := own.Query()
			q.Set("code", stolen.Query().Get("code"))
			s.refused(attacker, attacker.Get(own.Path+"?"+q.Encode()), http.StatusBadRequest, web.UpstreamFailed("Work & Co", "", "").Text)
		})
	}
}

func TestUpstreamDownAtStart(t *testing.T) {
	s := newScene(t)
	s.server.Behave(upstreamtest.Manners{Down: "/.well-known/openid-configuration"})
	b := s.open("")
	s.refused(b, b.Get(start), http.StatusServiceUnavailable, web.UpstreamDown("Work & Co", "", "").Title)
}

// A disabled upstream begins no sign-in and completes none that has begun.
func TestDisabledUpstream(t *testing.T) {
	s := newScene(t)
	b := s.open("")
	back := s.there(b, start)
	s.offer("work", func(u *upstream.Upstream) { u.Disabled = true })
	s.Pass(upstream.TTL)
	before := len(s.server.Requests())
	s.refused(b, b.Get(back), http.StatusForbidden, web.UpstreamOff("Work & Co", "").Title)
	s.refused(b, b.Get(start), http.StatusForbidden, web.UpstreamOff("Work & Co", "").Title)
	if made := s.server.Requests()[before:]; len(made) > 0 {
		t.Errorf("the upstream was asked %v, want nothing", made)
	}
}

// An upstream that was replaced during a journey gets no code of the one before.
func TestUpstreamMoves(t *testing.T) {
	s := newScene(t)
	b := s.open("")
	back := s.there(b, start)
	other := upstreamtest.OIDC(t)
	s.offer("work", func(u *upstream.Upstream) { u.Issuer = other.URL })
	s.Pass(upstream.TTL)
	s.refused(b, b.Get(back), http.StatusBadRequest, web.UpstreamFailed("Work & Co", "", "").Text)
	if made := other.Requests(); len(made) > 0 {
		t.Errorf("the other upstream was asked %v, want nothing", made)
	}
}

// The callback is open to every request. Whatever the request contains, the answer is
// a page that refuses it.
func FuzzCallback(f *testing.F) {
	f.Add("code=1&state=2")
	f.Add("state=" + opaque.Write(opaque.UpstreamState, make([]byte, 32)) + "&iss=%00&error=access_denied")
	f.Add("state=a&state=b")
	f.Add("%zz;&&=")
	s := newScene(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: start + "/callback", RawQuery: query}, Header: http.Header{}, Body: http.NoBody}
		r.AddCookie(&http.Cookie{Name: websec.FormCookie, Value: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
		if a := routetest.Do(s.route, r); a.Status != http.StatusBadRequest || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("an answer %q = %d %s, want a page with 400", query, a.Status, a.Header.Get("Content-Type"))
		}
	})
}
