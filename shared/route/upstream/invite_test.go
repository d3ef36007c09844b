package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// invite makes an invitation and returns it with the path of its sign-in at the
// upstream.
func (s *scene) invite(n onetime.New) (*onetime.Link, string) {
	s.T.Helper()
	n.Kind, n.Actor = onetime.Invite, "operator"
	invited, text, err := s.tickets.Create(s.T.Context(), n)
	if err != nil {
		s.T.Fatal(err)
	}
	return invited, start + "?" + url.Values{"invite": {text}}.Encode()
}

// An invited user signs in whatever the rule of the upstream is, as the user that the
// invitation is for.
func TestInvitation(t *testing.T) {
	s := newScene(t)
	s.offer("work", func(u *upstream.Upstream) { u.FirstSignIn = upstream.FirstInvitation })
	s.Person("countess", "")
	invited, path := s.invite(onetime.New{UserName: "Countess", Email: "lovelace@example.org", EmailVerified: true})
	b := s.open("")
	if a := s.visit(b, path); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account" {
		t.Fatalf("answer = %d to %q: %s", a.Status, a.Header.Get("Location"), a.Body)
	}
	login := s.inside(b)
	if login == nil || login.Subject != invited.Subject || s.linkedTo(upstreamtest.Ada) != invited.Subject {
		t.Fatalf("login = %+v, want that of %s", login, invited.Subject)
	}
	ada, err := s.People().Get(t.Context(), invited.Subject)
	if err != nil || !strings.HasPrefix(ada.UserName, "ada-") || ada.Name != "Ada Lovelace" || ada.Email != "lovelace@example.org" || !ada.EmailVerified {
		t.Errorf("the new person = %+v, %v, want what the invitation says and, for what is taken or not said, the upstream", ada, err)
	}
	again := s.open("")
	s.refused(again, again.Get(path), http.StatusGone, web.UsedLink().Title)
	if n := s.Entries(audit.UserCreate); n != 1 {
		t.Errorf("the trail has %d entries of new people, want 1", n)
	}
}

func TestInvitationThatIsNotGood(t *testing.T) {
	s := newScene(t)
	_, expired := s.invite(onetime.New{})
	s.Pass(onetime.InviteLife)
	user, err := s.People().Get(t.Context(), s.Person("ada", ""))
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := s.tickets.Create(t.Context(), onetime.New{Kind: onetime.Recover, User: user, Actor: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path   string
		status int
	}{
		"expired": {expired, http.StatusGone}, "made up": {start + "?invite=tsl_x", http.StatusNotFound},
		"of a recovery": {start + "?invite=" + text, http.StatusNotFound},
	} {
		b := s.open("")
		a := b.Get(tt.path)
		if a.Status != tt.status || len(s.server.Requests()) != 0 {
			t.Errorf("%s: %d after %v, want %d", name, a.Status, s.server.Requests(), tt.status)
		}
	}
}

// Of two browsers that follow an invitation at once with different accounts, one is
// signed in.
func TestInvitationIsUsedOnce(t *testing.T) {
	s := newScene(t)
	s.offer("work", func(u *upstream.Upstream) { u.FirstSignIn = upstream.FirstInvitation })
	_, path := s.invite(onetime.New{})
	first, second := s.open(""), s.open("")
	one := s.there(first, path)
	s.server.Become(upstreamtest.Account{Subject: "2", UserName: "bob"})
	two := s.there(second, path)
	if a := first.Get(one); a.Status != http.StatusSeeOther {
		t.Fatalf("answer = %d: %s", a.Status, a.Body)
	}
	s.refused(second, second.Get(two), http.StatusGone, web.UsedLink().Title)
	if all := s.people(); len(all) != 1 {
		t.Errorf("there are %d people, want one", len(all))
	}
}

// An account that is linked already follows no invitation, and does not use it.
func TestInvitationWithAccountOfSomebody(t *testing.T) {
	s := newScene(t)
	bob := s.Person("bob", "")
	s.attach(bob, upstreamtest.Ada)
	_, path := s.invite(onetime.New{})
	b := s.open("")
	s.refused(b, s.visit(b, path), http.StatusConflict, web.UpstreamKnown("", "").Title)
	s.server.Become(upstreamtest.Account{Subject: "2", UserName: "eve"})
	if a := s.visit(b, path); a.Status != http.StatusSeeOther {
		t.Errorf("the invitation with another account = %d: %s", a.Status, a.Body)
	}
}
