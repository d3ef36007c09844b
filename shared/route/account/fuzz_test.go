package account_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// FuzzSetup: a set-up that this server did not make adds no authenticator app, and the
// page shows a new secret.
func FuzzSetup(f *testing.F) {
	const known, shown = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "000000"
	for _, setup := range []string{"", ".", known, known + ".", known + ".a.b.c", known + "\n.a.b.c", "ABCD." + known, "\x00.\xff"} {
		f.Add(setup)
	}
	s := pagetest.New(f)
	_, cookie := s.Stage.Login(s.AddUser("ada"))
	b := pagetest.Open(route(s), cookie)
	csrf := pagetest.Forms(b.Get("/account").Body)[0].Get("csrf")
	f.Fuzz(func(t *testing.T, setup string) {
		s.T = t
		got := b.Post("/account", url.Values{"csrf": {csrf}, "action": {web.ActionAddOTP}, "setup": {setup}, "code": {shown}})
		if got.Status != http.StatusBadRequest || s.Entries(audit.OTPAdd) != 0 {
			t.Errorf("POST with the set-up %q = %d to %q, want 400 and no app", setup, got.Status, got.Header.Get("Location"))
		}
	})
}
