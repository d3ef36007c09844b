package account_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

const better = "twelve green bottles"

// TestChangePassword: all sessions end but the one of this browser, which keeps its amr
// and auth_time.
func TestChangePassword(t *testing.T) {
	s := newScene(t)
	elsewhere := s.at(s.ada)
	grant := s.Grant(s.ada, "orders", "")
	cookie := s.Cookies[websec.SessionCookie]
	before, err := s.Sessions().LoginByCookie(t.Context(), cookie)
	if err != nil {
		t.Fatal(err)
	}
	s.Pass(9 * time.Minute)
	page := s.Get("/account?open=set-password")
	says(t, "the page", page, http.StatusOK, "Change your password", "You stay signed in here.", `autocomplete="new-password"`)
	send := with(form(t, page.Body, web.ActionSetPassword, ""), "password", better)
	goes(t, "POST", s.Post("/account", send), "/account?done=password")

	if s.signsIn(routetest.Password) || !s.signsIn(better) {
		t.Error("the old password works, or the new one does not")
	}
	now, err := s.Sessions().LoginByCookie(t.Context(), s.Cookies[websec.SessionCookie])
	if err != nil || s.Cookies[websec.SessionCookie] == cookie || !now.AuthTime.Equal(before.AuthTime) || strings.Join(now.AMR, " ") != "pwd" {
		t.Errorf("login = %+v, %v, want a new cookie and the sign-in of %v", now, err, before.AuthTime)
	}
	if live := s.Live(s.ada); len(live) != 1 || live[grant.ID] {
		t.Errorf("live afterwards: %v, want this browser alone", live)
	}
	goes(t, "another browser", elsewhere.Get("/account"), "/login?return=%2Faccount")
	goes(t, "the cookie of before", s.cookie(cookie).Get("/account"), "/login?return=%2Faccount")
	says(t, "this browser", s.Get("/account?done=password"), http.StatusOK, web.PasswordSaved)
	if n := s.Entries(audit.UserPassword); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
	// The form is of a login that has ended: sent twice, it does nothing.
	says(t, "the same again", s.Post("/account", send), http.StatusBadRequest, web.ExpiredForm)
	s.Pass(2 * time.Minute)
	goes(t, "eleven minutes after the sign-in", s.Get("/account?open=set-password"), confirmation(web.OpenPassword))
}

// TestFirstPassword: a first password is one more way to sign in, and ends no session.
func TestFirstPassword(t *testing.T) {
	s := newScene(t)
	s.device(s.ada)
	s.forget()
	grant := s.Grant(s.ada, "orders", "")
	cookie := s.Cookies[websec.SessionCookie]
	page := s.Get("/account?open=set-password")
	says(t, "the page", page, http.StatusOK, "Set a password")
	goes(t, "POST", s.Post("/account", with(form(t, page.Body, web.ActionSetPassword, ""), "password", better)), "/account?done=password")
	if !s.signsIn(better) || s.Cookies[websec.SessionCookie] != cookie || !s.Live(s.ada)[grant.ID] {
		t.Error("the password does not work, or something has ended")
	}
	if n := s.Entries(audit.UserPassword); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
}

func TestWeakPassword(t *testing.T) {
	s := newScene(t)
	send := form(t, s.Get("/account?open=set-password").Body, web.ActionSetPassword, "")
	for password, want := range map[string]string{
		"":                         "shorter than 8 characters",
		"1234567":                  "shorter than 8 characters",
		"password1":                "one of the most common passwords",
		"ada-2026!":                "too similar to the name",
		strings.Repeat("a b", 400): "longer than 1024 bytes",
	} {
		got := s.Post("/account", with(send, "password", password))
		says(t, password, got, http.StatusBadRequest, want, `aria-invalid="true"`, `role="alert">This password`)
		if password != "" && strings.Contains(got.Body, `"`+password+`"`) {
			t.Errorf("the page repeats %q", password)
		}
	}
	if !s.signsIn(routetest.Password) || s.Entries(audit.UserPassword) != 0 {
		t.Error("the password has changed")
	}
}

func TestRemovePassword(t *testing.T) {
	s := newScene(t)
	s.device(s.ada)
	send := form(t, s.Get("/account").Body, web.ActionRemovePassword, "")
	for range 2 { // the second time it is gone already
		goes(t, "POST", s.Post("/account", send), "/account?done=password-removed")
	}
	if _, password, _, _ := s.ways(); password || s.signsIn(routetest.Password) {
		t.Error("the password works")
	}
	if n := s.Entries(audit.UserPassword); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
	says(t, "the page", s.Get("/account"), http.StatusOK, "You have no password, and you need none.", "Set a password")
}

// TestPasswordWithApp: a user who set up an app after a sign-in with a password alone
// has to take the second step when the change has ended all sessions.
func TestPasswordWithApp(t *testing.T) {
	s := newScene(t)
	s.enroll()
	page := s.Get("/account?open=set-password").Body
	got := s.Post("/account", with(form(t, page, web.ActionSetPassword, ""), "password", better))
	says(t, "POST", got, http.StatusOK, `name="step"`)
	if !s.signsIn(better) {
		t.Error("the new password does not work")
	}
	if live := s.Live(s.ada); len(live) != 0 {
		t.Errorf("live: %v, want nothing before the second step", live)
	}
	if n := s.Entries(session.ActionLogin); n != 1 {
		t.Errorf("the trail has %d sign-ins, want the first one only", n)
	}
}
