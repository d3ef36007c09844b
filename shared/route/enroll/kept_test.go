package enroll_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// A change of the user between the opening of a link and its use counts.
func TestMeanwhile(t *testing.T) {
	change := func(s *scene, c dynamo.UserChange) {
		if _, err := s.Sessions().ChangeUser(s.T.Context(), s.Ada, c, session.Cause{}); err != nil {
			s.T.Error(err)
		}
	}
	tests := []struct {
		name      string
		meanwhile func(s *scene, link string)
		status    int
		want      string
	}{
		{"disabled", func(s *scene, _ string) { change(s, admin.Disabled()) }, 403, web.SwitchedOff("").Title},
		{"password changed", func(s *scene, _ string) {
			c, err := (&admin.Store{Store: s.People()}).Password(s.T.Context(), s.user(s.Ada), "what ada chose elsewhere")
			if err != nil {
				s.T.Error(err)
			}
			change(s, dynamo.UserChange{Changes: c})
		}, 410, web.OvertakenLink().Title},
		{"signed out everywhere", func(s *scene, _ string) { change(s, dynamo.UserChange{}) }, 410, web.OvertakenLink().Title},
		{"link used", func(s *scene, link string) {
			t, err := s.tickets().Open(s.T.Context(), link, onetime.Recover)
			if err != nil {
				s.T.Error(err)
				return
			}
			change(s, dynamo.UserChange{Also: []dynamo.Write{t.Use(s.T.Context())}})
		}, 410, web.UsedLink().Title},
		{"removed", func(s *scene, _ string) { s.remove(s.Ada) }, 404, web.UnknownLink(false).Title},
	}
	for _, tt := range tests {
		for _, when := range []string{"before the form is sent", "while it is worked on"} {
			t.Run(tt.name+" "+when, func(t *testing.T) {
				s := newScene(t)
				link := s.recovers(s.Ada)
				b := pagetest.Open(s.route, "")
				form := s.open(b, recoverPath, link)
				if when == "while it is worked on" {
					s.meanwhile = func() { tt.meanwhile(s, link) }
				} else {
					tt.meanwhile(s, link)
				}
				s.says(b, b.Post(recoverPath, withPassword(form, good)), tt.status, tt.want)
				if tt.name != "removed" && s.knows(s.Ada, good) {
					t.Error("the link set a password all the same")
				}
			})
		}
	}
}

// No log, table or redirect contains a link, a password or another input of the user.
func TestLinkIsKeptNowhere(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	recovers, invites := s.recovers(s.Ada), s.link(onetime.New{Kind: onetime.Invite, UserName: "bob"})
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, recovers)
	code := app.Code()
	var all strings.Builder
	say := func(got routetest.Answer) routetest.Answer {
		all.WriteString(fmt.Sprint(got.Header["Location"], got.Header["Set-Cookie"]))
		return got
	}
	say(b.Post(recoverPath, withPassword(form, "owls")))
	say(b.Post(recoverPath, withPassword(form, good, "code", app.Wrong())))
	say(b.Post(recoverPath, withPassword(form, good, "code", code)))
	say(b.Get(recoverPath + "?link=" + recovers))
	guest := pagetest.Open(s.route, "")
	names := s.open(guest, invitePath, invites)
	say(guest.Post(invitePath, with(names, "user_name", "a b", "name", "Bob")))
	chosen := s.form(say(guest.Post(invitePath, with(names, "user_name", "bob", "name", "Bob"))), 200)
	say(guest.Post(invitePath, withPassword(chosen, good, "user_name", "bob")))
	say(guest.Post(invitePath, withPassword(chosen, good, "user_name", "bob")))
	say(b.PostFrom(recoverPath, withPassword(form, good), "https://evil.example", "cross-site"))
	if s.named("bob") == nil || !s.knows(s.Ada, good) {
		t.Fatal("the links were not used")
	}
	all.WriteString(s.Log.String() + s.dump())
	for name, secret := range map[string]string{
		"recovery": recovers, "invitation": invites, "what is in it": recovers[4:47], "password": good, "code": "=" + code,
		"cookie": b.Cookies[websec.SessionCookie],
	} {
		if n := strings.Count(all.String(), secret); secret == "" || n != 0 && name != "cookie" || name == "cookie" && n != 1 {
			t.Errorf("the %s is kept, or not where it should be: %d times", name, n)
		}
	}
	if log := s.Log.String(); strings.Contains(log, "a b") || strings.Contains(log, "bob") || !strings.Contains(log, `"sub":"`+s.Ada) {
		t.Errorf("log = %s, want subjects and nothing that was typed", log)
	}
}

// The number of attempts to use a link is limited, and enough for a user.
func TestTriesOfAnAddress(t *testing.T) {
	s := newScene(t)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	for range throttle.PerMinute {
		s.says(b, b.Post(recoverPath, withPassword(form, "owls")), 400, "shorter than 8")
	}
	got := b.Post(recoverPath, withPassword(form, good))
	s.says(b, got, http.StatusTooManyRequests, web.Refused(http.StatusTooManyRequests, "").Text)
	if got.Header.Get("Retry-After") == "" {
		t.Errorf("headers = %v, want to know how long to wait", got.Header)
	}
	s.unused(link, onetime.Recover)
}

// FuzzLink: a link that this server did not make is refused.
func FuzzLink(f *testing.F) {
	for _, text := range []string{"", "x", "tsl_", "tsl_AAAA000000", strings.Repeat("a", 5000), "\x00", opaque.Write(opaque.OneTimeLink, make([]byte, 32))} {
		f.Add(text)
	}
	s := newScene(f)
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // that asks for a link
		}
		b := pagetest.Open(s.route, "")
		for _, path := range []string{recoverPath, invitePath} {
			if got := b.Get(path + "?link=" + url.QueryEscape(text)); got.Status != 404 || got.Cookie(websec.SessionCookie) != nil {
				t.Errorf("%s with %q = %d, want 404", path, text, got.Status)
			}
		}
	})
}
