package account_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// furnished is a user with one of each authenticator, and the forms that change them,
// by the page to return to after a new sign-in.
func furnished(t *testing.T) (*scene, map[string]url.Values) {
	t.Helper()
	s := newScene(t)
	s.upstream(nil)
	s.device(s.ada)
	s.link(s.ada, "ada-there")
	s.Stage.Stage.Login(s.ada)
	adding := s.Get("/account?open=add-otp").Body
	addOTP := with(form(t, adding, web.ActionAddOTP, ""), "code", code(t, one(t, adding, secrets), s.Time))
	s.enroll()
	s.Pass(time.Minute)
	page := s.Get("/account").Body
	passkey := s.Get("/account?open=add-passkey").Body
	return s, map[string]url.Values{
		web.ActionEndOthers:      form(t, page, web.ActionEndOthers, ""),
		web.ActionAddPasskey:     with(form(t, passkey, web.ActionAddPasskey, ""), "passkey", s.Authenticator().Create(one(t, passkey, options))),
		web.ActionRenamePasskey:  with(form(t, page, web.ActionRenamePasskey, ""), "name", "Another name"),
		web.ActionRemovePasskey:  form(t, page, web.ActionRemovePasskey, ""),
		web.ActionSetPassword:    with(form(t, s.Get("/account?open=set-password").Body, web.ActionSetPassword, ""), "password", "twelve green bottles"),
		web.ActionRemovePassword: form(t, page, web.ActionRemovePassword, ""),
		web.ActionAddOTP:         addOTP,
		web.ActionRemoveOTP:      form(t, page, web.ActionRemoveOTP, ""),
		web.ActionNewCodes:       form(t, s.Get("/account?open=new-codes").Body, web.ActionNewCodes, ""),
		web.ActionUnlink:         form(t, page, web.ActionUnlink, ""),
	}
}

var opens = map[string]string{
	web.ActionEndOthers: web.OpenSessions, web.ActionAddPasskey: web.OpenPasskey, web.ActionRenamePasskey: web.OpenWays,
	web.ActionRemovePasskey: web.OpenWays, web.ActionSetPassword: web.OpenPassword, web.ActionRemovePassword: web.OpenWays,
	web.ActionAddOTP: web.OpenOTP, web.ActionRemoveOTP: web.OpenWays, web.ActionNewCodes: web.OpenCodes, web.ActionUnlink: web.OpenWays,
}

// TestStaleSignIn: a session without a recent sign-in cannot change an authenticator.
func TestStaleSignIn(t *testing.T) {
	s, forms := furnished(t)
	s.Pass(10 * time.Minute) // a minute has passed already
	before, live := s.everything(), len(s.Live(s.ada))
	for action, send := range forms {
		goes(t, action, s.Post("/account", send), confirmation(opens[action]))
	}
	if after := s.everything(); after != before {
		t.Errorf("what is stored has changed from\n%s\nto\n%s", before, after)
	}
	if now := len(s.Live(s.ada)); now != live {
		t.Errorf("%d sessions are live, want %d", now, live)
	}
	for _, page := range []string{web.OpenPasskey, web.OpenPassword, web.OpenOTP, web.OpenCodes} {
		got := s.Get("/account?open=" + page)
		goes(t, page, got, confirmation(page))
		if strings.Contains(got.Body, "<form") {
			t.Errorf("%s shows a form: %s", page, got.Body)
		}
	}
	// The pages that need no recent sign-in are still shown.
	says(t, "the page", s.Get("/account"), http.StatusOK, "How you sign in")
	if got := s.Get("/account?open=ways"); strings.Contains(got.Body, "Now you can go on") {
		t.Error("the page says that the person can go on, which they cannot")
	}
	fresh := s.at(s.ada)
	says(t, "coming back", fresh.Get("/account?open=ways"), http.StatusOK, web.Confirmed)
	says(t, "coming back", fresh.Get("/account?open=sessions"), http.StatusOK, web.Confirmed)
}

// TestTenMinutesAreFresh: a change succeeds at the end of the ten minutes, and is
// refused a second later.
func TestTenMinutesAreFresh(t *testing.T) {
	s := newScene(t)
	s.device(s.ada)
	send := form(t, s.Get("/account").Body, web.ActionRemovePassword, "")
	s.Pass(10*time.Minute + time.Second)
	goes(t, "a second after", s.Post("/account", send), confirmation(web.OpenWays))
	s.Pass(-time.Second)
	goes(t, "at the end", s.Post("/account", send), "/account?done=password-removed")
}

// TestForgedChange: a form from another site, from the page of another user, or from
// no page of ours changes nothing.
func TestForgedChange(t *testing.T) {
	s, forms := furnished(t)
	eve := s.at(s.AddUser("eve"))
	theirs := form(t, eve.Get("/account").Body, web.ActionSignOut, "").Get("csrf")
	elsewhere := s.at(s.ada)
	elsewhere.Cookies[websec.FormCookie] = s.Cookies[websec.FormCookie]
	before, live := s.everything(), len(s.Live(s.ada))
	for action, send := range forms {
		for name, post := range map[string]func() int{
			"another site":         func() int { return s.PostFrom("/account", send, "https://evil.example", "cross-site").Status },
			"a neighbouring host":  func() int { return s.PostFrom("/account", send, "https://x.example.com", "same-site").Status },
			"nobody knows where":   func() int { return s.PostFrom("/account", send, "", "").Status },
			"no token":             func() int { return s.Post("/account", with(send, "csrf", "")).Status },
			"somebody's token":     func() int { return s.Post("/account", with(send, "csrf", theirs)).Status },
			"the next login there": func() int { return elsewhere.Post("/account", send).Status },
		} {
			if status := post(); status != http.StatusBadRequest && status != http.StatusForbidden {
				t.Errorf("%s from %s = %d, want 400 or 403", action, name, status)
			}
		}
	}
	if after := s.everything(); after != before {
		t.Errorf("what is stored has changed from\n%s\nto\n%s", before, after)
	}
	if now := len(s.Live(s.ada)); now != live {
		t.Errorf("%d sessions are live, want %d", now, live)
	}
}

// TestChangeAfterEverythingEnded: a request that had read its session before all
// sessions of the user ended changes nothing.
func TestChangeAfterEverythingEnded(t *testing.T) {
	s, forms := furnished(t)
	s.change(dynamo.Changes{Set: dynamo.Item{dynamo.AttrAuthGen: dynamo.Number(7)}})
	before := s.everything()
	for action, send := range forms {
		if action == web.ActionEndOthers {
			continue // it changes no credential
		}
		got := s.Post("/account", send)
		if got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/login?return=") {
			t.Errorf("%s = %d to %q, want 303 to the sign-in", action, got.Status, got.Header.Get("Location"))
		}
	}
	if after := s.everything(); after != before {
		t.Errorf("what is stored has changed from\n%s\nto\n%s", before, after)
	}
}

// TestChangeWhileEverythingEnds is the same for a request that has passed all checks
// and is about to write. A user who is disabled at that time gets no new
// authenticator either.
func TestChangeWhileEverythingEnds(t *testing.T) {
	s, forms := furnished(t)
	delete(forms, web.ActionEndOthers)     // it changes no credential
	delete(forms, web.ActionAddOTP)        // there is an app already
	delete(forms, web.ActionRenamePasskey) // a name opens nothing
	for what, update := range map[string][2]dynamo.Changes{
		"everything ends": {
			{Set: dynamo.Item{dynamo.AttrAuthGen: dynamo.Number(7)}}, {Remove: []string{dynamo.AttrAuthGen}},
		},
		"they are turned off": {
			{Set: dynamo.Item{dynamo.AttrDisabled: dynamo.Flag(true)}}, {Remove: []string{dynamo.AttrDisabled}},
		},
	} {
		for action, send := range forms {
			before := ""
			h := handler(meanwhile(s.Stage, func() {
				s.change(update[0])
				before = s.everything()
			}))
			b := pagetest.Open(s.Stage.Route(accountFunction, h), "")
			b.Cookies = maps.Clone(s.Cookies)
			got := b.Post("/account", send)
			if got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/login?return=") || before == "" {
				t.Errorf("%s while %s = %d to %q, want 303 to the sign-in", action, what, got.Status, got.Header.Get("Location"))
			}
			if after := s.everything(); after != before {
				t.Errorf("%s while %s: what is stored has changed from\n%s\nto\n%s", action, what, before, after)
			}
			s.change(update[1])
		}
	}
}

// TestOutageChangesNothing: when the tables cannot be read, the user gets an error page
// and stays signed in.
func TestOutageChangesNothing(t *testing.T) {
	s, forms := furnished(t)
	before := s.everything()
	h := handler(s.Stage)
	h.Browser.Users.Registry, h.Passkeys.Store.Registry, h.Credentials.Users.Registry = "no-such-table", "no-such-table", "no-such-table"
	down := pagetest.Open(s.Stage.Route(accountFunction, h), "")
	down.Cookies = s.Cookies
	for action, send := range forms {
		if action == web.ActionEndOthers {
			continue // it needs the sessions only
		}
		says(t, action, down.Post("/account", send), http.StatusServiceUnavailable, "<h1>")
	}
	for _, page := range []string{"", web.OpenPasskey, web.OpenPassword, web.OpenOTP, web.OpenCodes} {
		says(t, page, down.Get("/account?open="+page), http.StatusServiceUnavailable, "<h1>")
	}
	if down.Cookies[websec.SessionCookie] == "" {
		t.Error("the browser is signed out")
	}
	if after := s.everything(); after != before {
		t.Errorf("what is stored has changed from\n%s\nto\n%s", before, after)
	}
}
