package upstream_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Each case is a rule of an upstream for a first sign-in.
func TestFirstSignInRules(t *testing.T) {
	domains := func(u *upstream.Upstream) {
		u.FirstSignIn, u.Domains = upstream.FirstDomains, []string{"example.com", "bank.example"}
	}
	invitation := func(u *upstream.Upstream) { u.FirstSignIn = upstream.FirstInvitation }
	verified := func(email string) upstreamtest.Account {
		return upstreamtest.Account{Subject: "7", UserName: "ada", Email: email, EmailVerified: true}
	}
	tests := []struct {
		name    string
		rule    func(*upstream.Upstream)
		account upstreamtest.Account
		text    string // of the refusal; empty when they come in
	}{
		{name: "invitation", rule: invitation, account: upstreamtest.Ada, text: web.UpstreamNoAccount("Work & Co", "").Text},
		{name: "domain", rule: domains, account: verified("ada@example.com")},
		{name: "domain in upper case", rule: domains, account: verified("ada@EXAMPLE.com")},
		{name: "domain rule with unverified mail", rule: domains, account: upstreamtest.Account{Subject: "7", Email: "ada@example.com"}, text: "ends with @example.com or @bank.example"},
		{name: "no mail", rule: domains, account: upstreamtest.Account{Subject: "7", EmailVerified: true}, text: web.UpstreamOutside("", "", nil).Title},
		{name: "another domain", rule: domains, account: verified("ada@example.org"), text: web.UpstreamOutside("", "", nil).Title},
		{name: "look-alike that ends so", rule: domains, account: verified("ada@notexample.com"), text: web.UpstreamOutside("", "", nil).Title},
		{name: "look-alike that begins so", rule: domains, account: verified("ada@example.com.evil.example"), text: web.UpstreamOutside("", "", nil).Title},
		{name: "look-alike below", rule: domains, account: verified("ada@sub.example.com"), text: web.UpstreamOutside("", "", nil).Title},
		{name: "look-alike of letters", rule: domains, account: verified("ada@ban\u212a.example"), text: web.UpstreamOutside("", "", nil).Title},
		{name: "look-alike of a Cyrillic letter", rule: domains, account: verified("ada@ex\u0430mple.com"), text: web.UpstreamOutside("", "", nil).Title},
		{name: "two domains", rule: domains, account: verified("ada@example.com@evil.example"), text: web.UpstreamOutside("", "", nil).Title},
		{name: "domain in a name", rule: domains, account: verified(`"ada@example.com" <ada@evil.example>`), text: web.UpstreamOutside("", "", nil).Title},
		{name: "dot behind", rule: domains, account: verified("ada@example.com."), text: web.UpstreamOutside("", "", nil).Title},
	}
	s := newScene(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.T = t
			s.offer("work", tt.rule)
			s.reopen()
			tt.account.Subject = strconv.Itoa(i + 1) // a new account each time
			s.server.Become(tt.account)
			before := len(s.people())
			b := s.open("")
			a := s.visit(b, start)
			if tt.text == "" {
				if a.Status != http.StatusSeeOther || s.inside(b) == nil {
					t.Errorf("answer = %d %s, want a sign-in", a.Status, a.Body)
				}
				return
			}
			s.refused(b, a, http.StatusForbidden, tt.text)
			if made := len(s.people()) - before; made != 0 {
				t.Errorf("%d people were made, want none", made)
			}
		})
	}
}

// Casdoor CVE-2026-9092: an attacker can choose the mail address of an account. The
// address links nothing, verified or not, and takes no name or address from a user.
func TestMailOfAnExistingPerson(t *testing.T) {
	for name, verified := range map[string]bool{"unverified": false, "verified": true} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			ada := s.Person("ada", "Ada Lovelace") // has ada@example.com
			mail := s.Person("ada@example.com", "")
			s.server.Become(upstreamtest.Account{Subject: "666", UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: verified})
			b := s.open("")
			if a := s.visit(b, start); a.Status != http.StatusSeeOther {
				t.Fatalf("answer = %d: %s", a.Status, a.Body)
			}
			login := s.inside(b)
			if login == nil || login.Subject == ada || login.Subject == mail {
				t.Fatalf("the account signs in as %+v, want as somebody new", login)
			}
			stranger, err := s.People().Get(t.Context(), login.Subject)
			if err != nil || !strings.HasPrefix(stranger.UserName, "ada-") || !verified && stranger.Email != "" || stranger.EmailVerified != verified {
				t.Errorf("the new person = %+v, %v, want a name of their own, and an address only if it is verified", stranger, err)
			}
			for _, subject := range []string{ada, mail} {
				if links, err := s.links.List(t.Context(), subject); err != nil || len(links) != 0 || len(s.Live(subject)) != 0 {
					t.Errorf("%s has the links %v and the sessions %v, %v, want none", subject, links, s.Live(subject), err)
				}
			}
		})
	}
}

// Many first sign-ins at once with the same account make one user.
func TestFirstSignInsAtOnce(t *testing.T) {
	s := newScene(t)
	const many = 4
	browsers, paths := make([]*pagetest.Browser, many), make([]string, many)
	for i := range many {
		browsers[i] = s.open("")
		paths[i] = s.there(browsers[i], start)
	}
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			// A browser that met the others too often may be asked to try again.
			if a := browsers[i].Get(paths[i]); a.Status != http.StatusSeeOther && a.Status != http.StatusServiceUnavailable {
				t.Errorf("sign-in %d = %d: %s", i, a.Status, a.Body)
			}
		})
	}
	wg.Wait()
	all := s.people()
	if len(all) != 1 {
		t.Fatalf("there are %d people, want one", len(all))
	}
	in := 0
	for i, b := range browsers {
		l := s.inside(b)
		if l != nil && l.Subject != all[0].Subject {
			t.Errorf("browser %d is signed in as %s, want %s", i, l.Subject, all[0].Subject)
		}
		if l != nil {
			in++
		}
	}
	if in == 0 {
		t.Error("nobody is signed in")
	}
}
