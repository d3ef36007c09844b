package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// signedIn returns a user with a login session and its browser.
func (s *scene) signedIn(userName string) (subject string, l *session.Login, b *pagetest.Browser) {
	s.T.Helper()
	subject = s.Person(userName, "")
	l, cookie := s.Login(subject)
	return subject, l, s.open(cookie)
}

// linkedTo is the subject of the user that the account is linked to, or "" if there is
// none.
func (s *scene) linkedTo(a upstreamtest.Account) string {
	s.T.Helper()
	l, err := s.links.Find(s.T.Context(), s.server.URL, a.Subject)
	if err != nil {
		return ""
	}
	return l.Subject
}

func TestLink(t *testing.T) {
	s := newScene(t)
	s.offer("work", func(u *upstream.Upstream) { u.FirstSignIn = upstream.FirstInvitation })
	ada, l, b := s.signedIn("ada")
	for range 2 { // a second time changes nothing
		if a := s.visit(b, s.offered(b, "work", l.ID)); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/account?done=linked" {
			t.Fatalf("linking = %d to %q: %s", a.Status, a.Header.Get("Location"), a.Body)
		}
	}
	if links, err := s.links.List(t.Context(), ada); err != nil || len(links) != 1 || s.Entries(audit.LinkAdd) != 1 {
		t.Errorf("links = %v, %v with %d entries, want one with one", links, err, s.Entries(audit.LinkAdd))
	}
	if same := s.inside(b); same == nil || same.ID != l.ID || same.Subject != ada {
		t.Errorf("the login = %+v, want it as it was", same)
	}
	other := s.open("")
	s.visit(other, start)
	if got := s.inside(other); got == nil || got.Subject != ada {
		t.Errorf("a sign-in with the account = %+v, want Ada's", got)
	}
}

// An account that is linked to a user stays theirs.
func TestLinkAccountOfAnother(t *testing.T) {
	s := newScene(t)
	bob := s.Person("bob", "")
	s.attach(bob, upstreamtest.Ada)
	ada, l, b := s.signedIn("ada")
	a := s.visit(b, s.offered(b, "work", l.ID))
	if a.Status != http.StatusConflict || !strings.Contains(a.Body, web.UpstreamTaken("", "").Title) {
		t.Errorf("linking Bob's account = %d %s, want 409", a.Status, a.Body)
	}
	if links, err := s.links.List(t.Context(), ada); err != nil || len(links) != 0 || s.linkedTo(upstreamtest.Ada) != bob {
		t.Errorf("Ada has %v, %v and the account is %s's, want none and Bob's", links, err, s.linkedTo(upstreamtest.Ada))
	}
	if n := s.Entries(audit.LinkAdd); n != 1 { // the refusal
		t.Errorf("the trail has %d entries, want 1", n)
	}
}

// A user without a recent sign-in signs in before they link an account.
func TestLinkNeedsFreshSignIn(t *testing.T) {
	s := newScene(t)
	_, l, b := s.signedIn("ada")
	path := s.offered(b, "work", l.ID)
	s.Pass(httpapi.FreshAuthentication + time.Second)
	a := b.Get(path)
	at, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.Status != http.StatusSeeOther || at.Path != "/login" || at.Query().Get("why") != "confirm" ||
		at.Query().Get("return") != "/account?open=ways" || at.Query().Get("login_hint") != "ada" {
		t.Errorf("linking with an old sign-in = %d to %v, %v, want the page to confirm it", a.Status, at, err)
	}
	if made := s.server.Requests(); len(made) != 0 {
		t.Errorf("the upstream was asked %v, want nothing", made)
	}
}

// The token of a link is good for one upstream in one login in one browser.
func TestLinkTokenOfAnother(t *testing.T) {
	s := newScene(t)
	s.offer("other", func(*upstream.Upstream) {})
	ada, l, b := s.signedIn("ada")
	bob, bobs, at := s.signedIn("bob")
	second, cookie := s.Login(ada)
	tests := []struct {
		name string
		path func() string
		b    *pagetest.Browser
	}{
		{"another login", func() string { return s.offered(at, "work", bobs.ID) }, b},
		{"another login of the same person", func() string { return s.offered(b, "work", second.ID) }, b},
		{"another upstream", func() string { return strings.Replace(s.offered(b, "other", l.ID), "/other", "/work", 1) }, b},
		{"another browser", func() string { return s.offered(b, "work", second.ID) }, s.open(cookie)},
		{"made up", func() string { return start + "?link=a.b.c" }, b},
		{"too old", func() string {
			path := s.offered(b, "work", l.ID)
			s.Pass(-websec.FormLife - time.Minute) // the page is from the future
			return path
		}, b},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := s.Time
			a := tt.b.Get(tt.path())
			s.Time = now
			if a.Status != http.StatusBadRequest || !strings.Contains(a.Body, lost) {
				t.Errorf("answer = %d %s, want 400", a.Status, a.Body)
			}
		})
	}
	if made := s.server.Requests(); len(made) != 0 {
		t.Errorf("the upstream was asked %v, want nothing", made)
	}
	if links, err := s.links.List(t.Context(), bob); err != nil || len(links) != 0 {
		t.Errorf("Bob has %v, %v", links, err)
	}
}

func TestLinkWithoutLogin(t *testing.T) {
	s := newScene(t)
	_, l, b := s.signedIn("ada")
	path := s.offered(b, "work", l.ID)
	delete(b.Cookies, websec.SessionCookie)
	if a := b.Get(path); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/login?return=%2Faccount" {
		t.Errorf("linking without a login = %d to %q, want the sign-in", a.Status, a.Header.Get("Location"))
	}
}

// Between leaving and returning another user may have signed in at the browser. The
// account is linked to no user then.
func TestLinkAfterTheLoginChanged(t *testing.T) {
	changes := map[string]func(*scene, *session.Login, *pagetest.Browser){
		"signed out": func(_ *scene, _ *session.Login, b *pagetest.Browser) { delete(b.Cookies, websec.SessionCookie) },
		"ended": func(s *scene, l *session.Login, _ *pagetest.Browser) {
			_, err := s.Sessions().EndLogin(s.T.Context(), l.Subject, l.ID, session.Cause{Why: session.LoggedOut, Actor: l.Subject})
			if err != nil {
				s.T.Fatal(err)
			}
		},
		"another person": func(s *scene, _ *session.Login, b *pagetest.Browser) {
			_, b.Cookies[websec.SessionCookie] = s.Login(s.Person("bob", ""))
		},
		"another login": func(s *scene, l *session.Login, b *pagetest.Browser) {
			_, b.Cookies[websec.SessionCookie] = s.Login(l.Subject)
		},
		"disabled":                     func(s *scene, l *session.Login, _ *pagetest.Browser) { s.flag(l.Subject, dynamo.AttrDisabled) },
		"about to end with everything": func(s *scene, l *session.Login, _ *pagetest.Browser) { s.raise(l.Subject) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			_, l, b := s.signedIn("ada")
			back := s.there(b, s.offered(b, "work", l.ID))
			change(s, l, b)
			a := b.Get(back)
			if a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
				t.Errorf("answer = %d to %q %s, want a refusal", a.Status, a.Header.Get("Location"), a.Body)
			}
			if owner := s.linkedTo(upstreamtest.Ada); owner != "" {
				t.Errorf("the account is linked to %s, want to nobody", owner)
			}
		})
	}
}

// The answer to a journey that links an account signs no user in. In another browser
// it gets nothing, and the account stays without a link.
func TestLinkAnswerInAnotherBrowser(t *testing.T) {
	s := newScene(t)
	_, l, attacker := s.signedIn("mallory")
	back := s.there(attacker, s.offered(attacker, "work", l.ID))
	_, _, victim := s.signedIn("ada")
	if a := victim.Get(back); a.Status != http.StatusBadRequest {
		t.Errorf("answer = %d, want 400", a.Status)
	}
	if owner := s.linkedTo(upstreamtest.Ada); owner != "" {
		t.Errorf("the account is linked to %s, want to nobody", owner)
	}
}

func TestTooManyLinks(t *testing.T) {
	s := newScene(t)
	ada, l, b := s.signedIn("ada")
	for i := range external.MaxLinks {
		s.attach(ada, upstreamtest.Account{Subject: "of-old-" + strings.Repeat("i", i)})
	}
	a := s.visit(b, s.offered(b, "work", l.ID))
	if a.Status != http.StatusConflict || !strings.Contains(a.Body, web.UpstreamFull("").Title) || s.linkedTo(upstreamtest.Ada) != "" {
		t.Errorf("link %d = %d %s, want 409", external.MaxLinks+1, a.Status, a.Body)
	}
}
