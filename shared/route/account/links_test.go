package account_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
)

var linking = regexp.MustCompile(`href="(/upstream/[^"]*)"`)

// TestLinkIsOfThisLogin: the address that links an account is valid only for this
// upstream, this session and this browser.
func TestLinkIsOfThisLogin(t *testing.T) {
	s := newScene(t)
	s.upstream(nil)
	page := s.Get("/account").Body
	to, err := url.Parse(one(t, page, linking))
	if err != nil || to.Path != "/upstream/example" {
		t.Fatalf("the page links to %v, %v, want /upstream/example", to, err)
	}
	login, err := s.Sessions().LoginByCookie(t.Context(), s.Cookies[websec.SessionCookie])
	if err != nil {
		t.Fatal(err)
	}
	token := to.Query().Get("link")
	check := func(b map[string]string, purpose string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range b {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		return s.Forms().Check(t.Context(), r, purpose, token)
	}
	if err := check(s.Cookies, "link example "+login.ID); err != nil {
		t.Errorf("the token = %v, want it good", err)
	}
	for name, err := range map[string]error{
		"another upstream": check(s.Cookies, "link other "+login.ID),
		"another login":    check(s.Cookies, "link example 01"),
		"a form":           check(s.Cookies, "account "+login.ID),
		"another browser":  check(map[string]string{websec.FormCookie: strings.Repeat("A", 26)}, "link example "+login.ID),
	} {
		if err == nil {
			t.Errorf("the token is good for %s", name)
		}
	}
	says(t, "coming back", s.Get("/account?done=linked"), http.StatusOK, web.AccountConnected)
}

func TestUnlink(t *testing.T) {
	s := newScene(t)
	s.upstream(nil)
	l, hers := s.link(s.ada, "ada-there"), s.link(s.AddUser("eve"), "eve-there")
	page := s.Get("/account")
	says(t, "the page", page, http.StatusOK, "Example: ada-there")
	if strings.Contains(page.Body, "eve-there") || strings.Contains(page.Body, hers.ID) {
		t.Errorf("the page shows somebody else's account: %s", main(page.Body))
	}
	send := form(t, page.Body, web.ActionUnlink, l.ID)
	for name, id := range map[string]string{"somebody else's": hers.ID, "none": "", "made up": strings.Repeat("0", 64)} {
		goes(t, name, s.Post("/account", with(send, "id", id)), "/account?done=unlinked")
	}
	if _, err := links(s.Stage).Find(t.Context(), upstreamIssuer, "eve-there"); err != nil || s.Entries(audit.LinkRemove) != 0 {
		t.Errorf("the account of another person = %v, want it linked", err)
	}
	for range 2 { // the second time it is gone already
		goes(t, "POST", s.Post("/account", send), "/account?done=unlinked")
	}
	if _, err := links(s.Stage).Find(t.Context(), upstreamIssuer, "ada-there"); err == nil || s.Entries(audit.LinkRemove) != 1 {
		t.Errorf("the account = %v with %d entries, want it gone with one", err, s.Entries(audit.LinkRemove))
	}
}

// TestLinkOfAClosedUpstream: a link to a disabled upstream is no way to sign in. It can
// always be removed, and it does not allow the removal of the last other way.
func TestLinkOfAClosedUpstream(t *testing.T) {
	s := newScene(t)
	s.upstream(func(u *upstream.Upstream) { u.Disabled = true })
	l := s.link(s.ada, "ada-there")
	page := s.Get("/account")
	says(t, "the page", page, http.StatusOK, "Not available at the moment")
	if linking.MatchString(page.Body) {
		t.Error("the page has a link to an upstream that is disabled")
	}
	token := form(t, page.Body, web.ActionSignOut, "")
	says(t, "removing the password", s.Post("/account", with(token, "action", web.ActionRemovePassword)), http.StatusBadRequest, web.LastWay)
	goes(t, "unlinking", s.Post("/account", form(t, page.Body, web.ActionUnlink, l.ID)), "/account?done=unlinked")

	// A link to an upstream that has a different issuer now is no way to sign in either.
	s.upstream(func(u *upstream.Upstream) { u.Issuer = "https://other.example.org" })
	l = s.link(s.ada, "ada-there")
	s.Pass(time.Minute)
	says(t, "removing the password", s.Post("/account", with(token, "action", web.ActionRemovePassword)), http.StatusBadRequest, web.LastWay)
	if _, password, _, all := s.ways(); !password || len(all) != 1 || all[0].ID != l.ID {
		t.Error("something has gone")
	}
}
