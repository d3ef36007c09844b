package signin_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// CVE-2025-64102 (Zitadel): codes are guessed no faster than passwords, in however
// many browsers, and the user's own browser does not wait because of other browsers.
func TestCVE202564102GuessesWait(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	owner := pagetest.Open(s.route, "")
	if got := owner.Post("/login", with(s.first(owner), "code", app.Code())); got.Status != 303 {
		t.Fatalf("the owner = %d", got.Status)
	}
	for i := range throttle.Free {
		if got := s.again(app.Wrong()); got.Status != 400 {
			t.Fatalf("guess %d = %d", i, got.Status)
		}
	}
	got := s.again(app.Recovery[0])
	if got.Status != 429 || got.Header.Get("Retry-After") != "1" || !strings.Contains(got.Body, web.TooManyTries) || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("guess %d, which is right = %d %v, want 429 and a second", throttle.Free+1, got.Status, got.Header)
	}
	if n := s.Entries(audit.LoginRefuse); n != throttle.Free {
		t.Errorf("the trail has %d refusals, want %d", n, throttle.Free)
	}
	s.Pass(routetest.CodeLife)
	for range throttle.Free + 1 {
		s.again(app.Wrong())
	}
	if got := owner.Post("/login", with(s.first(owner), "code", app.Code())); got.Status != 303 {
		t.Errorf("the owner's browser = %d, want 303", got.Status)
	}
}

// The second step judges the return address and the policy again.
func TestTheSecondStepLeadsNowhereElse(t *testing.T) {
	s := newScene(t)
	app := s.AddApp(s.Ada)
	b := pagetest.Open(s.route, "")
	form := s.first(b)
	form.Set("return", "https://evil.example")
	form.Set("to", "*")
	got := b.Post("/login", with(form, "code", app.Wrong()))
	if p := got.Header.Get("Content-Security-Policy"); strings.Contains(got.Body, "evil") || strings.Contains(p, "*") {
		t.Errorf("answer = %s with the policy %s, want nothing of what was asked", got.Body, p)
	}
	if got := b.Post("/login", with(form, "code", app.Code())); got.Header.Get("Location") != "/account" {
		t.Errorf("the second step leads to %q, want /account", got.Header.Get("Location"))
	}
	s.as(s.Ada, "pwd")
	s.proof.Return, s.proof.To = "/authorize?client_id=web", "https:"
	got = s.signIn(b)
	if p := got.Header.Get("Content-Security-Policy"); !strings.Contains(p, "form-action 'self' https:") {
		t.Errorf("policy = %s, want the form to lead on to the client", p)
	}
}

// FuzzStep: no text but our own note, in the browser that got it, is a first step.
func FuzzStep(f *testing.F) {
	s := newScene(f)
	app := s.AddApp(s.Ada)
	b := pagetest.Open(s.route, "")
	note := s.first(b).Get("step")
	for _, seed := range []string{"tsx_", note[:len(note)-1], note + "A", strings.ToUpper(note), strings.Replace(note, "tsx_", "tsc_", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, step string) {
		if step == note || step == "" {
			return
		}
		got := b.Post("/login", url.Values{"step": {step}, "code": {app.Code()}})
		if got.Status < 400 || got.Cookie(websec.SessionCookie) != nil {
			t.Errorf("the note %q = %d, want a refusal", step, got.Status)
		}
	})
}
