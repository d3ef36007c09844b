package account_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

func TestSetUpApp(t *testing.T) {
	s := newScene(t)
	page := s.Get("/account?open=add-otp")
	says(t, "the page", page, http.StatusOK, `role="img"`, `href="otpauth://totp/auth.example.com:ada?secret=`, `autocomplete="one-time-code"`)
	secret := one(t, page.Body, secrets)
	if again := one(t, s.Get("/account?open=add-otp").Body, secrets); again == secret {
		t.Error("two pages have the same secret")
	}
	before := s.everything()
	send := with(form(t, page.Body, web.ActionAddOTP, ""), "code", code(t, secret, s.Time))
	if s.everything() != before {
		t.Error("showing the page has stored something")
	}
	got := s.Post("/account", send)
	says(t, "POST", got, http.StatusOK, "Your recovery codes", "only now", "Your authenticator app is set up.")
	recovery := recoveryCodes(got.Body)
	if len(recovery) != 10 || len(slices.Compact(slices.Sorted(slices.Values(recovery)))) != 10 {
		t.Errorf("recovery codes = %v, want ten", recovery)
	}
	if _, _, app, _ := s.ways(); !app || s.Entries(audit.OTPAdd) != 1 {
		t.Errorf("app = %v with %d entries, want one of each", app, s.Entries(audit.OTPAdd))
	}
	// Sent twice, it makes no second app and does not show the codes again.
	got = s.Post("/account", send)
	goes(t, "the same again", got, "/account?done=app")
	page = s.Get("/account?done=app")
	says(t, "the page afterwards", page, http.StatusOK, "10 recovery codes left", web.AppAdded)
	for _, secretText := range append(recovery, secret) {
		if strings.Contains(page.Body, secretText) || strings.Contains(s.Log.String(), secretText) || strings.Contains(s.everything(), secretText) {
			t.Errorf("%s stands on the page afterwards, in the log or in the table", secretText)
		}
	}
	goes(t, "setting up another one", s.Get("/account?open=add-otp"), "/account?done=app")
	says(t, "the page of codes", s.Get("/account?open=new-codes"), http.StatusOK, "Your 10 old codes stop working.")
}

// TestSetUpAppRefused: a set-up that was forged or made for another session adds no app,
// and the page shows a new secret.
func TestSetUpAppRefused(t *testing.T) {
	s := newScene(t)
	other, eve := s.at(s.ada), s.at(s.AddUser("eve"))
	page := s.Get("/account?open=add-otp").Body
	secret, send := one(t, page, secrets), form(t, page, web.ActionAddOTP, "")
	setup := send.Get("setup")
	_, token, _ := strings.Cut(setup, ".")
	const known = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	for name, brought := range map[string]string{
		"none":                    "",
		"junk":                    "x.y.z",
		"no token":                secret,
		"a secret of their own":   known + "." + token,
		"another login's":         one(t, other.Get("/account?open=add-otp").Body, hidden),
		"another person's":        one(t, eve.Get("/account?open=add-otp").Body, hidden),
		"the token of the page":   known + "." + send.Get("csrf"),
		"the secret in lower":     strings.ToLower(secret) + "." + token,
		"the secret with a space": secret + " ." + token,
	} {
		theirs, _, _ := strings.Cut(brought, ".")
		typed := "000000"
		if len(theirs) == len(secret) && theirs == strings.ToUpper(theirs) {
			typed = code(t, theirs, s.Time)
		}
		got := s.Post("/account", with(send, "setup", brought, "code", typed))
		says(t, name, got, http.StatusBadRequest, web.ExpiredSetup, "otpauth://totp/")
		if fresh := one(t, got.Body, secrets); fresh == theirs || fresh == secret {
			t.Errorf("%s: the new page has the secret of before", name)
		}
	}
	// A wrong code is tried again with the same picture.
	for _, wrong := range []string{"", "12345", "abcdef", unlike(t, secret, s.Time)} {
		got := s.Post("/account", with(send, "code", wrong))
		says(t, "code "+wrong, got, http.StatusBadRequest, web.WrongAppCode, `aria-invalid="true"`)
		if one(t, got.Body, secrets) != secret || one(t, got.Body, hidden) != setup {
			t.Errorf("code %q: the page has another secret or set-up", wrong)
		}
	}
	if _, _, app, _ := s.ways(); app || s.Entries(audit.OTPAdd) != 0 {
		t.Error("there is an app")
	}
}

// TestExpiredSetUp: a set-up is refused after fifteen minutes, although the form of the
// page is still valid.
func TestExpiredSetUp(t *testing.T) {
	s := newScene(t)
	page := s.Get("/account?open=add-otp").Body
	secret, send := one(t, page, secrets), form(t, page, web.ActionAddOTP, "")
	s.Pass(15*time.Minute + time.Second)
	s.renew()
	got := s.Post("/account", with(send, "code", code(t, secret, s.Time)))
	says(t, "POST", got, http.StatusBadRequest, web.ExpiredSetup)
	// The new picture is good.
	secret, send = one(t, got.Body, secrets), form(t, got.Body, web.ActionAddOTP, "")
	says(t, "the new one", s.Post("/account", with(send, "code", code(t, secret, s.Time))), http.StatusOK, "Your recovery codes")
}

// TestSetUpAppAtOnce: of two set-ups confirmed at the same time one succeeds, and only
// one set of recovery codes is shown.
func TestSetUpAppAtOnce(t *testing.T) {
	s := newScene(t)
	h := route(s.Stage)
	answers, forms := make([]routetest.Answer, 4), make([]url.Values, 4)
	for i := range forms {
		page := s.Get("/account?open=add-otp").Body
		forms[i] = with(form(t, page, web.ActionAddOTP, ""), "code", code(t, one(t, page, secrets), s.Time))
	}
	var tabs sync.WaitGroup
	for i, send := range forms {
		tab := pagetest.Open(h, "")
		for name, value := range s.Cookies {
			tab.Cookies[name] = value
		}
		tabs.Go(func() { answers[i] = tab.Post("/account", send) })
	}
	tabs.Wait()
	shown := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			shown++
		} else {
			goes(t, "POST", a, "/account?done=app")
		}
	}
	if shown != 1 || s.Entries(audit.OTPAdd) != 1 {
		t.Errorf("%d set-ups succeeded with %d entries, want one", shown, s.Entries(audit.OTPAdd))
	}
}

func TestNewCodes(t *testing.T) {
	s := newScene(t)
	send := form(t, s.Get("/account").Body, web.ActionSignOut, "")
	goes(t, "without an app", s.Post("/account", with(send, "action", web.ActionNewCodes)), "/account?done=app-removed")
	says(t, "the page without an app", s.Get("/account?open=new-codes"), http.StatusOK, "Set up an authenticator app")
	_, before := s.enroll()
	got := s.Post("/account", form(t, s.Get("/account?open=new-codes").Body, web.ActionNewCodes, ""))
	says(t, "POST", got, http.StatusOK, "Your old codes no longer work.")
	now := recoveryCodes(got.Body)
	if len(now) != 10 || slices.ContainsFunc(now, func(c string) bool { return slices.Contains(before, c) }) {
		t.Errorf("new codes = %v, want ten others than %v", now, before)
	}
	u, err := s.People().Get(t.Context(), s.ada)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apps().Check(t.Context(), u, before[0]); err == nil {
		t.Error("a code of before is good")
	}
	if _, err := s.Apps().Check(t.Context(), u, now[0]); err != nil {
		t.Errorf("a new code = %v, want it good", err)
	}
	if n := s.Entries(audit.OTPCodes); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
}

func TestRemoveApp(t *testing.T) {
	s := newScene(t)
	s.enroll()
	send := form(t, s.Get("/account").Body, web.ActionRemoveOTP, "")
	for range 2 { // the second time it is gone already
		goes(t, "POST", s.Post("/account", send), "/account?done=app-removed")
	}
	if _, _, app, _ := s.ways(); app || s.Entries(audit.OTPRemove) != 1 {
		t.Errorf("app = %v with %d entries of the removal, want none and one", app, s.Entries(audit.OTPRemove))
	}
	says(t, "the page", s.Get("/account?done=app-removed"), http.StatusOK, "Set up an app", web.AppRemoved)
}
