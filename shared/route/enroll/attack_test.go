package enroll_test

import (
	"fmt"
	"net/url"
	"sync"
	"testing"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// CVE-2023-26481 (authentik): a recovery link changes the authenticator of its own user
// only, whatever user the request names.
func TestCVE202326481LinkIsOfOneUser(t *testing.T) {
	s := newScene(t)
	bob := s.AddUser("bob")
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, s.recovers(bob))
	got := b.Post(recoverPath+"?user_name=ada&subject="+s.Ada, withPassword(form, good,
		"user_name", "ada", "subject", s.Ada, "user", s.Ada, "sub", s.Ada, "login_hint", "ada"))
	s.in(b, got, bob, "pwd")
	if !s.knows(s.Ada, routetest.Password) || s.user(s.Ada).AuthGen != 0 || s.knows(bob, routetest.Password) {
		t.Error("the link of bob did something to ada, or nothing to bob")
	}
}

// A passkey belongs to the user of the link, too.
func TestCVE202326481PasskeyIsOfOneUser(t *testing.T) {
	s := newScene(t)
	bob := s.AddUser("bob")
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, s.recovers(bob))
	s.in(b, b.Post(recoverPath, with(form, "passkey", s.Authenticator().Create(form.Get("options")), "user_name", "ada", "subject", s.Ada)), bob, "pop user mfa")
	if len(mustList(s, s.Ada)) != 0 || len(mustList(s, bob)) != 1 {
		t.Error("the passkey is not bob's")
	}
}

// CVE-2025-46815 (Zitadel): a link is good once.
func TestCVE202546815LinkIsUsedOnce(t *testing.T) {
	s := newScene(t)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	s.in(b, b.Post(recoverPath, withPassword(form, good)), s.Ada, "pwd")
	thief := pagetest.Open(s.route, "")
	s.says(thief, thief.Get(recoverPath+"?link="+link), 410, web.UsedLink().Title)
	s.says(thief, thief.Post(recoverPath, withPassword(form, "the password of a thief")), 410, web.UsedLink().Title)
	s.says(b, b.Post(recoverPath, withPassword(form, "the password of a thief")), 410, web.UsedLink().Title)
	if !s.knows(s.Ada, good) || s.login(b) == nil {
		t.Error("the second use did something")
	}
}

// Of concurrent requests with one link, or with several links of one user, one succeeds.
func TestCVE202546815LinksUsedAtOnce(t *testing.T) {
	for name, links := range map[string]int{"one link": 1, "three links": 3} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			var texts []string
			for range links {
				texts = append(texts, s.recovers(s.Ada))
			}
			const many = 6
			browsers, forms := make([]*pagetest.Browser, many), make([]url.Values, many)
			for i := range many {
				browsers[i] = pagetest.Open(s.route, "")
				forms[i] = s.open(browsers[i], recoverPath, texts[i%links])
			}
			answers := make([]routetest.Answer, many)
			var wg sync.WaitGroup
			for i := range many {
				wg.Go(func() { answers[i] = browsers[i].Post(recoverPath, withPassword(forms[i], password(i))) })
			}
			wg.Wait()
			in := 0
			for i, got := range answers {
				if got.Status != 303 {
					continue
				}
				in++
				if !s.knows(s.Ada, password(i)) {
					t.Errorf("%d was let in and has no password", i)
				}
			}
			if in != 1 || s.user(s.Ada).AuthGen != 1 {
				t.Errorf("%d of %d were let in, auth_gen = %d, want one", in, many, s.user(s.Ada).AuthGen)
			}
			for _, link := range texts {
				if got := browsers[0].Get(recoverPath + "?link=" + link); got.Status != 410 {
					t.Errorf("the link = %d, want it to be worth nothing", got.Status)
				}
			}
		})
	}
}

func password(i int) string { return fmt.Sprintf("the number %d of the owls", i) }

// CVE-2026-18963 (Keycloak): a form or a challenge is valid only for its step, its link
// and its browser.
func TestCVE202618963StepsOfAnotherLink(t *testing.T) {
	s := newScene(t)
	bob := s.AddUser("bob")
	ours, theirs := s.recovers(s.Ada), s.recovers(bob)
	b := pagetest.Open(s.route, "")
	form, other := s.open(b, recoverPath, ours), s.open(b, recoverPath, theirs)
	again := s.open(b, recoverPath, s.recovers(bob))
	invited := s.link(onetime.New{Kind: onetime.Invite})
	invitation := s.open(b, invitePath, invited)
	stranger := pagetest.Open(s.route, "")
	asked := s.form(stranger.Get(recoverPath), 200)
	foreign := s.open(stranger, recoverPath, theirs)
	device := s.Authenticator()
	tests := []struct {
		name string
		form url.Values
		want string
	}{
		{"token of another link", withPassword(other, good, "csrf", form.Get("csrf")), web.ExpiredForm},
		{"token of another link of the person", withPassword(other, good, "csrf", again.Get("csrf")), web.ExpiredForm},
		{"token of an invitation", withPassword(other, good, "csrf", invitation.Get("csrf")), web.ExpiredForm},
		{"token of another browser", withPassword(other, good, "csrf", foreign.Get("csrf")), web.ExpiredForm},
		{"token of asking for a link", withPassword(other, good, "csrf", asked.Get("csrf")), web.ExpiredForm},
		{"passkey for another link", with(other, "passkey", device.Create(form.Get("options"))), web.UnusablePasskey},
		{"passkey for another link of the person", with(other, "passkey", device.Create(again.Get("options"))), web.UnusablePasskey},
		{"passkey in another browser", with(other, "passkey", device.Create(foreign.Get("options"))), web.UnusablePasskey},
	}
	for _, tt := range tests {
		t.Log(tt.name)
		s.says(b, b.Post(recoverPath, tt.form), 400, tt.want)
	}
	s.says(b, b.Post(invitePath, withPassword(other, good, "user_name", "eve")), 404, web.UnknownLink(false).Title)
	s.says(b, b.Post(recoverPath, withPassword(invitation, good, "step", web.StepChoose)), 404, web.UnknownLink(false).Title)
	// The second step of an invitation judges what the first one did.
	s.says(b, b.Post(invitePath, withPassword(invitation, good, "step", web.StepChoose, "user_name", "ADA")), 400, web.TakenUserName)
	s.says(b, b.Post(invitePath, withPassword(invitation, good, "step", web.StepChoose)), 400, web.BadUserName)
	for _, link := range []string{ours, theirs} {
		s.unused(link, onetime.Recover)
	}
	s.unused(invited, onetime.Invite)
	if !s.knows(bob, routetest.Password) || s.count("passkey#") != 0 || s.named("eve") != nil {
		t.Error("something was done by a step of another link")
	}
}

// CVE-2025-46815 (Zitadel): the response of a passkey is used once. When it is refused
// the link is not used up.
func TestCVE202546815ChallengeIsUsedOnce(t *testing.T) {
	s := newScene(t)
	link := s.recovers(s.Ada)
	opened, err := s.tickets().Open(t.Context(), link, onetime.Recover)
	if err != nil {
		t.Fatal(err)
	}
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	made := s.Authenticator().Create(form.Get("options"))
	s.meanwhile = func() {
		taken, err := s.Passkeys().Attest(t.Context(), passkey.Registration{Subject: s.Ada, Answer: passkey.Answer{
			Response: made, Binding: "enroll\x00" + b.Cookies[websec.FormCookie] + "\x00" + opened.ID,
		}})
		if err != nil {
			t.Error(err)
			return
		}
		if err := (dynamo.Tx{s.Passkeys().Store.Adding(t.Context(), taken, "")[0]}).Run(t.Context(), s.DB); err != nil {
			t.Error(err)
		}
	}
	got := b.Post(recoverPath, with(form, "passkey", made))
	s.says(b, got, 400, web.UnusablePasskey)
	s.unused(link, onetime.Recover)
	form = s.form(got, 400)
	s.in(b, b.Post(recoverPath, with(form, "passkey", s.Authenticator().Create(form.Get("options")))), s.Ada, "pop user mfa")
}

// A form that another site sends does nothing, whatever it knows.
func TestForeignSite(t *testing.T) {
	s := newScene(t)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	for _, from := range [][2]string{{"https://evil.example", "cross-site"}, {"", "cross-site"}, {"null", ""}, {"", ""}, {"https://evil.example", "same-origin"}} {
		got := b.PostFrom(recoverPath, withPassword(form, good), from[0], from[1])
		s.says(b, got, 403, web.Refused(403, "").Text)
	}
	s.unused(link, onetime.Recover)
}

// A tampered link opens nothing, whatever its checksum.
func TestTamperedLink(t *testing.T) {
	s := newScene(t)
	link := s.recovers(s.Ada)
	secret, err := opaque.Read(opaque.OneTimeLink, link)
	if err != nil {
		t.Fatal(err)
	}
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	for i := range secret {
		secret[i] ^= 1
		text := opaque.Write(opaque.OneTimeLink, secret)
		s.says(b, b.Get(recoverPath+"?link="+text), 404, web.UnknownLink(false).Title)
		s.says(b, b.Post(recoverPath, withPassword(form, good, "link", text)), 404, web.UnknownLink(false).Title)
		secret[i] ^= 1
	}
	s.unused(link, onetime.Recover)
}
