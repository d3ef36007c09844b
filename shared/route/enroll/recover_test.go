package enroll_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// A recovery with a new password ends all sessions and replaces the old password.
func TestRecoverWithAPassword(t *testing.T) {
	s := newScene(t)
	tokens := s.Route(contract.Token, &token.Handler{Auth: s.Auth(), Issue: s.Issuer()})
	granted := s.Grant(routetest.Web, s.Ada)
	_, elsewhere := s.Login(s.Ada)
	_, here := s.Login(s.Ada)
	before := s.user(s.Ada)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, here)
	form := s.open(b, recoverPath, link)
	if form.Get("link") != link || s.Entries(audit.UserRecover) != 1 {
		t.Errorf("form = %v, want the link in it and one link in the trail", form)
	}
	s.in(b, b.Post(recoverPath, withPassword(form, good)), s.Ada, "pwd")
	if s.knows(s.Ada, routetest.Password) || !s.knows(s.Ada, good) {
		t.Error("the old password works, or the new one does not")
	}
	if s.login(pagetest.Open(nil, elsewhere)) != nil || s.login(pagetest.Open(nil, here)) != nil {
		t.Error("a session from before is live")
	}
	got := routetest.Post(tokens, url.Values{"grant_type": {"refresh_token"}, "client_id": {routetest.Web}, "refresh_token": {granted.RefreshToken}}, "", "")
	if got.Status != 400 || got.Error() != "invalid_grant" {
		t.Errorf("refresh of what was granted before = %d %s, want invalid_grant", got.Status, got.Body)
	}
	items, err := s.Sessions().List(t.Context(), s.Ada)
	if err != nil || len(items) != 1 {
		t.Errorf("List = %v, %v, want the new login alone", items, err)
	}
	if after := s.user(s.Ada); after.AuthGen != before.AuthGen+1 || after.Disabled || after.OTP {
		t.Errorf("ada = %+v, want auth_gen %d", after, before.AuthGen+1)
	}
	entries, err := s.Trail().List(t.Context(), s.DB, audit.Query{Subject: s.Ada, Action: audit.UserPassword, Limit: 9})
	if err != nil || len(entries) != 1 || entries[0].Detail["why"] != session.Recovered || entries[0].Actor != s.Ada {
		t.Errorf("trail = %+v, %v, want the new password and why", entries, err)
	}
}

// A recovery with a passkey adds the passkey and keeps the other authenticators. It ends
// all sessions.
func TestRecoverWithAPasskey(t *testing.T) {
	s := newScene(t)
	_, elsewhere := s.Login(s.Ada)
	device := s.Authenticator()
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, s.recovers(s.Ada))
	s.in(b, b.Post(recoverPath, with(form, "passkey", device.Create(form.Get("options")))), s.Ada, "pop user mfa")
	if s.login(pagetest.Open(nil, elsewhere)) != nil {
		t.Error("a session from before is live")
	}
	if !s.knows(s.Ada, routetest.Password) || s.Entries(audit.PasskeyAdd) != 1 || s.Entries(session.ActionEndAll) != 1 {
		t.Errorf("ada's password works: %t, entries of passkeys: %d", s.knows(s.Ada, routetest.Password), s.Entries(audit.PasskeyAdd))
	}
	party := s.Passkeys()
	options, err := party.SignIn(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	proof, err := party.Verify(t.Context(), passkey.Answer{Response: device.Get(options), Binding: "test"})
	if err != nil || proof.User.Subject != s.Ada || proof.Passkey.Name != "Firefox on Linux" {
		t.Errorf("sign-in with the new passkey = %+v, %v, want ada", proof, err)
	}
}

// The page names the user and the effects of the recovery. It excludes authenticators
// that have a passkey of the user already.
func TestRecoverPage(t *testing.T) {
	s := newScene(t)
	s.AddPasskey(s.Ada, s.Authenticator())
	got := pagetest.Open(s.route, "").Get(recoverPath + "?link=" + s.recovers(s.Ada))
	for _, want := range []string{"Your username is <b>ada</b>", "signs you out everywhere else", "excludeCredentials", `autocomplete="new-password"`, "new-password", `name="again"`} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("page lacks %q: %s", want, got.Body)
		}
	}
	if strings.Contains(got.Body, `name="code"`) || got.Header.Get("Referrer-Policy") != "same-origin" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("page = %v %s, want no question for a code, and nothing kept or told to others", got.Header, got.Body)
	}
	for i := len(mustList(s, s.Ada)); i < passkey.Max; i++ {
		s.AddPasskey(s.Ada, s.Authenticator())
	}
	b := pagetest.Open(s.route, "")
	link := s.recovers(s.Ada)
	form := s.open(b, recoverPath, link)
	if form.Has("options") {
		t.Error("a person with as many passkeys as there may be is offered another one")
	}
	s.in(b, b.Post(recoverPath, withPassword(form, good)), s.Ada, "pwd")
}

func mustList(s *scene, subject string) []passkey.Passkey {
	s.T.Helper()
	all, err := s.Passkeys().Store.List(s.T.Context(), subject)
	if err != nil {
		s.T.Fatal(err)
	}
	return all
}

// A user who reached the limit of passkeys while the page was open gets no more.
func TestRecoverTooManyPasskeys(t *testing.T) {
	s := newScene(t)
	b := pagetest.Open(s.route, "")
	link := s.recovers(s.Ada)
	form := s.open(b, recoverPath, link)
	made := s.Authenticator().Create(form.Get("options"))
	for range passkey.Max {
		s.AddPasskey(s.Ada, s.Authenticator())
	}
	s.says(b, b.Post(recoverPath, with(form, "passkey", made)), 400, web.TooManyPasskeys)
	s.unused(link, onetime.Recover)
}

// A choice that is refused does not use up the link.
func TestRecoverRefusals(t *testing.T) {
	s := newScene(t)
	b := pagetest.Open(s.route, "")
	link := s.recovers(s.Ada)
	form := s.open(b, recoverPath, link)
	tests := []struct {
		name string
		form url.Values
		want string
	}{
		{"nothing", with(form), web.NoChoice},
		{"short", withPassword(form, "owls"), "This password is shorter than 8 characters. Choose another one."},
		{"common", withPassword(form, "iloveyou"), "is one of the most common passwords"},
		{"the user name", withPassword(form, "adaada12"), "too similar to the name"},
		{"different", with(form, "password", good, "again", good+"!"), web.DifferentPasswords},
		{"once only", with(form, "password", good), web.DifferentPasswords},
		{"no passkey", with(form, "passkey", "{}"), web.UnusablePasskey},
		{"no form of ours", withPassword(form, good, "csrf", "x"), web.ExpiredForm},
		{"no token", withPassword(url.Values{"link": {link}}, good), web.ExpiredForm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := b.Post(recoverPath, tt.form)
			s.says(b, got, 400, tt.want)
			if strings.Contains(got.Body, good) {
				t.Errorf("page = %s, want it not to repeat a password", got.Body)
			}
		})
	}
	s.unused(link, onetime.Recover)
	if !s.knows(s.Ada, routetest.Password) || s.user(s.Ada).AuthGen != 0 || s.count("passkey#") != 0 {
		t.Error("a refused choice changed something")
	}
	// The page of the last refusal is as good as the first one.
	s.in(b, b.Post(recoverPath, withPassword(s.form(b.Post(recoverPath, with(form)), 400), good)), s.Ada, "pwd")
}

// After an expired passkey challenge the page has a new one, and the link is still valid.
func TestRecoverSlowly(t *testing.T) {
	s := newScene(t)
	b := pagetest.Open(s.route, "")
	link := s.recovers(s.Ada)
	form := s.open(b, recoverPath, link)
	s.Pass(passkey.Life)
	got := b.Post(recoverPath, with(form, "passkey", s.Authenticator().Create(form.Get("options"))))
	s.says(b, got, 400, web.SlowPasskey)
	form = s.form(got, 400)
	s.in(b, b.Post(recoverPath, with(form, "passkey", s.Authenticator().Create(form.Get("options")))), s.Ada, "pop user mfa")
}

// A user who opens a link in a browser in which another user is signed in takes the
// browser over.
func TestRecoverAtTheBrowserOfSomebodyElse(t *testing.T) {
	s := newScene(t)
	bob := s.AddUser("bob")
	_, cookie := s.Login(bob)
	b := pagetest.Open(s.route, cookie)
	form := s.open(b, recoverPath, s.recovers(s.Ada))
	s.in(b, b.Post(recoverPath, withPassword(form, good)), s.Ada, "pwd")
	if s.login(pagetest.Open(nil, cookie)) != nil {
		t.Error("bob's session at the browser is live")
	}
	if !s.knows(bob, routetest.Password) {
		t.Error("bob has another password")
	}
}

// The page of a link that is not valid any more gives the reason, and what to do.
func TestDeadLinks(t *testing.T) {
	s := newScene(t)
	expired := s.recovers(s.Ada)
	s.Pass(onetime.RecoverLife)
	used := s.recovers(s.AddUser("used"))
	other := pagetest.Open(s.route, "")
	other.Post(recoverPath, withPassword(s.open(other, recoverPath, used), good))
	disabled := s.AddUser("disabled")
	off := s.recovers(disabled)
	s.disable(disabled)
	changed := s.AddUser("changed")
	overtaken := s.recovers(changed)
	if _, err := s.Sessions().EndAll(t.Context(), changed, session.Cause{Why: session.Admin}); err != nil {
		t.Fatal(err)
	}
	gone := s.AddUser("gone")
	unknown := s.recovers(gone)
	s.remove(gone)
	invitation := s.link(onetime.New{Kind: onetime.Invite})
	tests := []struct {
		name, path, link string
		status           int
		want, next       string
	}{
		{"used", recoverPath, used, 410, web.UsedLink().Title, "/login"},
		{"expired", recoverPath, expired, 410, web.ExpiredLink(false).Title, "/recover"},
		{"of somebody who is switched off", recoverPath, off, 403, web.SwitchedOff("").Title, ""},
		{"overtaken", recoverPath, overtaken, 410, web.OvertakenLink().Title, "/recover"},
		{"of somebody who is gone", recoverPath, unknown, 404, web.UnknownLink(false).Title, "/recover"},
		{"cut off", recoverPath, used[:20], 404, web.UnknownLink(false).Title, "/recover"},
		{"recovery as invitation", invitePath, expired, 404, web.UnknownLink(true).Text, ""},
		{"invitation as recovery", recoverPath, invitation, 404, web.UnknownLink(false).Title, "/recover"},
		{"no invitation", invitePath, "", 404, web.UnknownLink(true).Text, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := pagetest.Open(s.route, "")
			for _, got := range []routetest.Answer{
				b.Get(tt.path + "?link=" + tt.link),
				b.Post(tt.path, url.Values{"link": {tt.link}, "password": {good}, "again": {good}, "step": {"choose"}, "user_name": {"x"}}),
			} {
				s.says(b, got, tt.status, tt.want)
				if tt.next != "" && !strings.Contains(got.Body, `href="`+tt.next+`"`) {
					t.Errorf("page = %s, want a link to %s", got.Body, tt.next)
				}
				if got.Header.Get("Referrer-Policy") != "no-referrer" {
					t.Errorf("Referrer-Policy = %q, want the next page to learn nothing", got.Header.Get("Referrer-Policy"))
				}
			}
		})
	}
}

// The page of an expired invitation says that the invitation has expired.
func TestExpiredInvitation(t *testing.T) {
	s := newScene(t)
	link := s.link(onetime.New{Kind: onetime.Invite, Life: 24 * time.Hour})
	b := pagetest.Open(s.route, "")
	form := s.open(b, invitePath, link)
	s.Pass(24 * time.Hour)
	s.says(b, b.Get(invitePath+"?link="+link), 410, web.ExpiredLink(true).Text)
	s.says(b, b.Post(invitePath, with(form, "user_name", "bob")), 410, web.ExpiredLink(true).Text)
	if b.Cookies[websec.SessionCookie] != "" || s.named("bob") != nil {
		t.Error("somebody came in by a link that has expired")
	}
}
