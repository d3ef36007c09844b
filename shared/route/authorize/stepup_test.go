package authorize_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// How ada signs in.
var (
	byPassword = []string{oauth.AMRPassword}
	elsewhere  = []string{oauth.AMRFederated}
	byApp      = []string{oauth.AMRPassword, oauth.AMROTP, oauth.AMRMultiple}
	byPasskey  = []string{oauth.AMRKey, oauth.AMRUser, oauth.AMRMultiple}
)

// signs signs ada in once more in a browser, as /login does, some time later.
func (s *scene) signs(b *pagetest.Browser, amr []string) *session.Login {
	s.T.Helper()
	s.Pass(20 * time.Second)
	l, cookie, err := s.Sessions().CreateLogin(s.T.Context(), session.NewLogin{Subject: s.ada, AuthTime: s.Time, AMR: amr})
	if err != nil {
		s.T.Fatal(err)
	}
	b.Cookies[websec.SessionCookie] = cookie
	s.Pass(time.Second)
	return l
}

// told fails unless an answer is an error response to the client, without a code.
func (s *scene) told(name string, a routetest.Answer, code string) {
	s.T.Helper()
	fields := s.sent(a, callback)
	if fields.Get("error") != code || fields.Has("code") || fields.Get("iss") != routetest.Issuer || fields.Get("state") == "" {
		s.T.Errorf("%s: answer = %v, want %s with state and issuer and no code", name, fields, code)
	}
}

// Every class that a client may ask for, against every way to sign in.
func TestClassOfASignIn(t *testing.T) {
	s := newScene(t)
	for wanted, class := range map[string]string{
		"": "", "aal1": "aal1", "aal2": "aal2", "aal2 aal2": "aal2",
		// In order of preference, so the last will do.
		"aal2 aal1": "aal1", "aal1 aal2": "aal1",
		// What we do not know is a wish.
		"aal3 urn:mace:incommon:iap:silver": "", "aal3 aal2": "aal2", "AAL2": "", "aal22 aal": "", "0": "",
	} {
		if way := s.way(get(s.nobody(), request(own, "acr_values", wanted))); way.Get("acr") != class {
			t.Errorf("acr_values %q of nobody: the sign-in is told %v, want acr %q", wanted, way, class)
		}
		for _, amr := range [][]string{byPassword, elsewhere, byApp, byPasskey} {
			b := s.nobody()
			s.signs(b, amr)
			got := get(b, request(own, "acr_values", wanted))
			if class == oauth.ACRMultiple && !slices.Contains(amr, oauth.AMRMultiple) {
				if way := s.way(got); way.Get("acr") != class {
					t.Errorf("acr_values %q with %v: the sign-in is told %v, want acr %q", wanted, amr, way, class)
				}
				continue
			}
			if c := s.let(got); !slices.Equal(c.AMR, amr) {
				t.Errorf("acr_values %q: code = %+v, want one of %v", wanted, c, amr)
			}
		}
	}
}

// A session without amr meets no class.
func TestClassOfAnUnknownSignIn(t *testing.T) {
	s := newScene(t)
	b := s.nobody()
	s.signs(b, nil)
	s.let(get(b, request(own)))
	s.way(get(b, request(own, "acr_values", "aal1")))
}

// A stronger sign-in meets the request. After a sign-in that is no stronger the user is
// not asked again, and the client gets an error.
func TestStepUp(t *testing.T) {
	for _, ask := range [][]string{
		{"acr_values", "aal2"},
		{"acr_values", "aal2", "max_age", "30"},
		{"acr_values", "aal2", "max_age", "0"},
		{"acr_values", "aal2", "prompt", "login"},
		{"acr_values", "aal2", "prompt", "select_account"},
	} {
		t.Run(strings.Join(ask, " "), func(t *testing.T) {
			s := newScene(t)
			b := s.signedIn()
			way := s.way(get(b, request(own, ask...)))
			back := way.Get("return")
			if way.Get("acr") != "aal2" || !strings.Contains(back, "&since=") {
				t.Fatalf("the sign-in is told %v, want the class, and since when", way)
			}
			// Without having signed in nothing has changed.
			if again := s.way(b.Get(back)); again.Get("return") != back {
				t.Errorf("the way back without a sign-in leads to %s, want %s", again.Get("return"), back)
			}
			s.signs(b, byPassword)
			s.told("no stronger", b.Get(back), "unmet_authentication_requirements")
			s.told("once more", b.Get(back), "unmet_authentication_requirements")
			// The time of arrival cannot be left out, made up or lent.
			plain, token, _ := strings.Cut(back, "&since=")
			s.way(b.Get(plain))
			s.way(b.Get(plain + "&since=AAAAAAAA.0.x"))
			s.way(b.Get("/authorize?" + request(own, append(ask, "nonce", "other")...).Encode() + "&since=" + token))
			l := s.signs(b, byPasskey)
			if c := s.let(b.Get(back)); c.Login != l.ID || !slices.Equal(c.AMR, byPasskey) || !c.AuthTime.Equal(l.AuthTime) {
				t.Errorf("code = %+v, want one of the stronger sign-in", c)
			}
		})
	}
}

// max_age and acr_values are two conditions: one login has to meet both.
func TestClassAndAge(t *testing.T) {
	s := newScene(t)
	b := s.nobody()
	ask := request(own, "acr_values", "aal2", "max_age", "60")
	s.signs(b, byApp)
	s.let(get(b, ask))
	s.Pass(2 * time.Minute)
	back := s.way(get(b, ask)).Get("return")
	s.let(get(b, request(own, "acr_values", "aal2")))
	s.signs(b, byPassword)
	s.told("new and weak", b.Get(back), "unmet_authentication_requirements")
	s.let(get(b, request(own, "max_age", "60")))
	s.signs(b, byApp)
	s.let(b.Get(back))
}

// With prompt=none the client gets an error that names what is missing.
func TestClassWithoutAsking(t *testing.T) {
	s := newScene(t)
	silently := func(more ...string) url.Values {
		return request(own, append(more, "prompt", "none", "acr_values", "aal2")...)
	}
	s.told("nobody", get(s.nobody(), silently()), "login_required")
	s.told("weak", get(s.signedIn(), silently()), "interaction_required")
	s.told("weak, of somebody else", get(s.signedIn(), silently("login_hint", "eve")), "interaction_required")
	b := s.nobody()
	s.signs(b, byPasskey)
	s.let(get(b, silently()))
	s.let(get(b, silently("max_age", "60")))
	s.Pass(2 * time.Minute)
	s.told("strong and old", get(b, silently("max_age", "60")), "login_required")
	s.told("weak and old", get(s.signedIn(), silently("max_age", "60")), "login_required")
	s.let(get(s.signedIn(), request(own, "prompt", "none", "acr_values", "aal2 aal1")))
}

// A consent does not replace a stronger sign-in: the decision is validated like the
// request.
func TestClassBehindConsent(t *testing.T) {
	s := newScene(t)
	b := s.nobody()
	back := s.way(get(b, request(others, "acr_values", "aal2"))).Get("return")
	s.signs(b, byApp)
	form := s.asked(b.Get(back))
	strong := b.Cookies[websec.SessionCookie]
	s.signs(b, byPassword)
	s.told("allowed by a weak login", b.Post("/authorize", choose(form, "allow")), "unmet_authentication_requirements")
	b.Cookies[websec.SessionCookie] = strong
	s.let(b.Post("/authorize", choose(form, "allow")))
}

// The acr_values of a pushed request cannot be weakened by the browser.
func TestClassOfAPushedRequest(t *testing.T) {
	s := newScene(t)
	b := s.signedIn()
	brought := with(s.push(request(strict, "acr_values", "aal2")), "acr_values", "aal1")
	way := s.way(get(b, brought))
	if way.Get("acr") != "aal2" {
		t.Errorf("the sign-in is told %v, want the class that was pushed", way)
	}
	s.signs(b, byPassword)
	s.told("weak", b.Get(way.Get("return")), "unmet_authentication_requirements")
	s.signs(b, byPasskey)
	s.let(b.Get(way.Get("return")))
}
