package enroll_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// A user with an authenticator app needs a code of it with the link, for each choice.
func TestRecoverNeedsTheApp(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	for name, code := range map[string]string{"none": "", "wrong": app.Wrong(), "no code": "owl"} {
		got := b.Post(recoverPath, withPassword(form, good, "code", code))
		s.says(b, got, 400, web.WrongCode)
		if !strings.Contains(got.Body, `name="code"`) {
			t.Errorf("%s: page = %s, want to be asked once more", name, main(got))
		}
	}
	s.unused(link, onetime.Recover)
	if !s.knows(s.Ada, routetest.Password) || s.Entries(audit.LoginRefuse) != 3 {
		t.Errorf("the password was changed without the app, or %d entries tell of the tries", s.Entries(audit.LoginRefuse))
	}
	code := app.Code()
	s.in(b, b.Post(recoverPath, withPassword(form, good, "code", code)), s.Ada, "pwd otp mfa")
	if !s.user(s.Ada).OTP || b.Cookies[websec.BrowserCookie] == "" {
		t.Error("the app is gone, or the browser got no name")
	}
	// The code was used up with the link.
	next := pagetest.Open(s.route, "")
	form = s.open(next, recoverPath, s.recovers(s.Ada))
	s.says(next, next.Post(recoverPath, withPassword(form, good, "code", code)), 400, web.WrongCode)
	s.in(next, next.Post(recoverPath, withPassword(form, good+"!", "code", app.Recovery[0])), s.Ada, "pwd otp mfa")
	if state, err := s.Apps().State(t.Context(), s.Ada); err != nil || state.CodesLeft != 9 {
		t.Errorf("State = %+v, %v, want nine recovery codes", state, err)
	}
}

// A passkey that was made waits for the code, and is not to be made again.
func TestRecoverPasskeyWaitsForTheCode(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	made := s.Authenticator().Create(form.Get("options"))
	got := b.Post(recoverPath, with(form, "passkey", made, "code", app.Wrong()))
	s.says(b, got, 400, "Your passkey is ready")
	if s.count("passkey#") != 0 {
		t.Error("the passkey was stored with a wrong code")
	}
	form = s.form(got, 400)
	if form.Get("passkey") != made || form.Has("options") {
		t.Fatalf("form = %v, want the passkey in it", form)
	}
	s.in(b, b.Post(recoverPath, with(form, "code", app.Code())), s.Ada, "pop user mfa")
	if s.count("passkey#") != 1 {
		t.Errorf("there are %d passkeys, want the one", s.count("passkey#"))
	}
}

// Guesses of codes share one limit with all other pages that take codes (Zitadel
// CVE-2025-64102). A user who waits loses neither link nor code.
func TestCVE202564102RecoveryCodesAreThrottled(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	for range throttle.Free - 1 {
		s.says(b, b.Post(recoverPath, withPassword(form, good, "code", app.Wrong())), 400, web.WrongCode)
	}
	elsewhere := httptest.NewRequest(http.MethodPost, "/login", nil)
	elsewhere.RemoteAddr = "198.51.100.77"
	if _, err := s.SecondSteps().Check(elsewhere, s.user(s.Ada), app.Wrong()); err == nil {
		t.Fatal("a wrong code is right")
	}
	got := b.Post(recoverPath, withPassword(form, good, "code", app.Code()))
	s.says(b, got, 429, web.TooManyTries)
	if got.Header.Get("Retry-After") != "1" || !strings.Contains(got.Body, "Try again in 1 second.") {
		t.Errorf("Retry-After = %q %s, want a second", got.Header.Get("Retry-After"), main(got))
	}
	s.unused(link, onetime.Recover)
	s.Pass(time.Second)
	s.in(b, b.Post(recoverPath, withPassword(form, good, "code", app.Code())), s.Ada, "pwd otp mfa")
}

// Of two recoveries with one code, one succeeds.
func TestRecoverCodeUsedMeanwhile(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	code := app.Code()
	s.meanwhile = func() {
		accepted, err := s.Apps().Check(t.Context(), s.user(s.Ada), code)
		if err != nil {
			t.Error(err)
			return
		}
		if err := (dynamo.Tx{accepted.Use}).Run(t.Context(), s.DB); err != nil {
			t.Error(err)
		}
	}
	s.says(b, b.Post(recoverPath, withPassword(form, good, "code", code)), 400, web.WrongCode)
	s.unused(link, onetime.Recover)
	s.Pass(routetest.CodeLife)
	s.in(b, b.Post(recoverPath, withPassword(form, good, "code", app.Code())), s.Ada, "pwd otp mfa")
}

// An operator can make a link that removes the app. The app is removed when the link is
// used, and not before.
func TestRecoverResetsTheApp(t *testing.T) {
	for way, amr := range map[string]string{"password": "pwd", "passkey": "pop user mfa"} {
		t.Run(way, func(t *testing.T) {
			s := newScene(t)
			app := s.AddApp(s.Ada)
			link := s.link(onetime.New{Kind: onetime.Recover, User: s.user(s.Ada), ResetOTP: true})
			b := pagetest.Open(s.route, "")
			got := b.Get(recoverPath + "?link=" + link)
			if strings.Contains(got.Body, `name="code"`) || !s.user(s.Ada).OTP {
				t.Errorf("page = %s, want no question for a code, and the app still there", main(got))
			}
			form := s.form(got, 200)
			filled := withPassword(form, good)
			if way == "passkey" {
				filled = with(form, "passkey", s.Authenticator().Create(form.Get("options")))
			}
			s.in(b, b.Post(recoverPath, filled), s.Ada, amr)
			if s.user(s.Ada).OTP || s.count("otp") != 0 {
				t.Error("the app is still there")
			}
			entries, err := s.Trail().List(t.Context(), s.DB, audit.Query{Subject: s.Ada, Action: audit.OTPRemove, Limit: 9})
			if err != nil || len(entries) != 1 || entries[0].Actor != "operator" {
				t.Errorf("trail = %+v, %v, want who took the app away", entries, err)
			}
			if _, err := s.SecondSteps().Check(httptest.NewRequest(http.MethodPost, "/login", nil), s.user(s.Ada), app.Code()); err == nil {
				t.Error("a code of the app that is gone is right")
			}
		})
	}
}

// A link that was made before the user added an app asks for a code of the app.
func TestRecoverAppAddedMeanwhile(t *testing.T) {
	s := newScene(t)
	link := s.recovers(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.open(b, recoverPath, link)
	s.meanwhile = func() { s.AddApp(s.Ada) }
	got := b.Post(recoverPath, withPassword(form, good))
	s.says(b, got, 409, web.TryAgain)
	if !s.knows(s.Ada, routetest.Password) || !strings.Contains(got.Body, `name="code"`) {
		t.Errorf("page = %s, want nothing done and to be asked for a code", main(got))
	}
	s.unused(link, onetime.Recover)
}

// CVE-2025-64103 (Zitadel): the amr of the session has only the methods that were used.
func TestCVE202564103RecoveryByOneFactorIsNotTwo(t *testing.T) {
	s := newScene(t)
	b := pagetest.Open(s.route, "")
	b.Post(recoverPath, withPassword(s.open(b, recoverPath, s.recovers(s.Ada)), good, "code", "123456"))
	if l := s.login(b); l == nil || slices.Contains(l.AMR, "mfa") {
		t.Errorf("login = %+v, want one of one factor", l)
	}
}
