package authorize_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// again signs ada in once more in a browser with her password.
func (s *scene) again(b *pagetest.Browser) *session.Login {
	s.T.Helper()
	return s.signs(b, byPassword)
}

// Nothing is written before the user has signed in, and the return address that the
// browser carries to /login restores the request.
func TestSignInAndBack(t *testing.T) {
	s := newScene(t)
	b := s.nobody()
	// An id_token_hint is long, and means nothing to us.
	asked := request(own, "login_hint", "ada", "nonce", "n", "id_token_hint", strings.Repeat("x", 4096))
	s.wire.reset()
	way := s.way(get(b, asked))
	if n := s.wire.writes.Load(); n != 0 {
		t.Errorf("a request of nobody wrote %d times, want none before a POST", n)
	}
	if way.Get("to") != "https:" || way.Get("login_hint") != "ada" || strings.Contains(way.Get("return"), "hint=x") {
		t.Errorf("the sign-in is told %v, want whose it is, and where it leads on to", way)
	}
	s.again(b)
	fields := s.sent(b.Get(way.Get("return")), callback)
	if c := s.opened(fields.Get("code")); c.Subject != s.ada || c.Nonce != "n" || fields.Get("state") != "s t+ä&=%" {
		t.Errorf("back from the sign-in = %+v with %v, want a code for what was asked", c, fields)
	}
	if way := s.way(get(s.nobody(), request(own, "login_hint", `"><b>`))); way.Has("login_hint") {
		t.Errorf("the sign-in is told %v, want no hint that can be no name", way)
	}
}

// An invalid cookie is treated as no cookie.
func TestWorthlessCookies(t *testing.T) {
	s := newScene(t)
	for name, cookie := range map[string]string{"junk": "junk", "cut": s.cookie[:len(s.cookie)-1], "longer": s.cookie + "x", "in other case": strings.ToUpper(s.cookie)} {
		b := pagetest.Open(s.route, cookie)
		s.way(get(b, request(own)))
		if fields := s.sent(get(b, request(own, "prompt", "none")), callback); fields.Get("error") != "login_required" {
			t.Errorf("%s: prompt none = %v, want login_required", name, fields)
		}
	}
	if _, err := s.Sessions().EndLogin(t.Context(), s.ada, s.login.ID, session.Cause{Why: session.LoggedOut, Actor: s.ada}); err != nil {
		t.Fatal(err)
	}
	s.way(get(s.signedIn(), request(own)))
}

func TestPromptNone(t *testing.T) {
	s := newScene(t)
	for name, q := range map[string]url.Values{
		"alone": request(own, "prompt", "none"), "by name": request(own, "prompt", "none", "login_hint", "ADA"),
		"by address": request(own, "prompt", "none", "login_hint", "ada@example.com"), "recent enough": request(own, "prompt", "none", "max_age", "60"),
	} {
		if c := s.let(get(s.signedIn(), q)); c.Subject != s.ada {
			t.Errorf("%s: code = %+v, want ada's", name, c)
		}
	}
	s.Pass(5 * time.Minute)
	for name, q := range map[string]url.Values{"too long ago": request(own, "prompt", "none", "max_age", "60"), "now": request(own, "prompt", "none", "max_age", "0")} {
		if fields := s.sent(get(s.signedIn(), q), callback); fields.Get("error") != "login_required" {
			t.Errorf("%s: answer = %v, want login_required", name, fields)
		}
	}
}

// A client that asks for a new sign-in gets one. The user is not asked again after it,
// and is asked again when no sign-in has happened.
func TestNewSignIn(t *testing.T) {
	for name, ask := range map[string][]string{
		"login": {"prompt", "login"}, "select_account": {"prompt", "select_account"}, "max_age 0": {"max_age", "0"}, "max_age 5": {"max_age", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			b := s.signedIn()
			way := s.way(get(b, request(own, ask...)))
			back := way.Get("return")
			if !strings.Contains(back, "&since=") {
				t.Fatalf("the way back is %s, want it to say since when", back)
			}
			// Coming back without having signed in is no sign-in, and leads to
			// the same way back.
			if again := s.way(b.Get(back)); again.Get("return") != back {
				t.Errorf("the way back without a sign-in leads to %s, want %s", again.Get("return"), back)
			}
			// Nor is a sign-in in which the time was left out, or made up.
			l := s.again(b)
			plain, _, _ := strings.Cut(back, "&since=")
			if name != "max_age 5" {
				s.way(b.Get(plain))
				s.way(b.Get(plain + "&since=AAAAAAAA.0.x"))
			}
			if c := s.let(b.Get(back)); c.Login != l.ID {
				t.Errorf("the code is for the login %s, want the new one %s", c.Login, l.ID)
			}
			// Another request has to ask for itself, and so does another browser.
			if name != "max_age 5" {
				token := back[strings.Index(back, "&since="):]
				s.way(b.Get("/authorize?" + request(own, append(ask, "nonce", "other")...).Encode() + token))
				stranger := pagetest.Open(s.route, b.Cookies[websec.SessionCookie])
				s.way(stranger.Get(back))
			}
			// It is valid in this browser for an hour, and then needed again.
			s.Pass(websec.FormLife + time.Minute)
			s.again(b)
			s.Pass(10 * time.Second)
			s.way(b.Get(back))
		})
	}
}

// A sign-in older than max_age does not count.
func TestMaxAge(t *testing.T) {
	s := newScene(t)
	for _, tt := range []struct {
		after time.Duration
		let   bool
	}{{0, true}, {49 * time.Second, true}, {2 * time.Second, false}} {
		s.Pass(tt.after)
		got := get(s.signedIn(), request(own, "max_age", "60"))
		if tt.let {
			s.let(got)
			continue
		}
		s.way(got)
	}
}

// Use keeps a login alive.
func TestUseKeepsTheLogin(t *testing.T) {
	s := newScene(t)
	for range 4 {
		s.Pass(session.LoginIdle - time.Minute)
		s.let(get(s.signedIn(), request(own)))
	}
	s.Pass(session.LoginIdle + time.Second)
	s.way(get(s.signedIn(), request(own)))
}
