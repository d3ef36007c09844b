package login_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// An outage of a table is a 503, and not reported as a wrong passkey.
func TestOutageOfAPasskey(t *testing.T) {
	h, a := owner(t)
	b := pagetest.Open(h.route, "")
	want, form := asked(t, b.Get("/login").Body)
	form.Set("passkey", a.Get(want))
	table := h.Table
	h.Table = func(r contract.Resource) string {
		if r == contract.Sessions {
			return "no-such-table"
		}
		return table(r)
	}
	b.Route = h.with(h.People())
	if got := b.Post("/login", form); got.Status != 503 || got.Header.Get("Retry-After") == "" || h.Entries(session.ActionLogin) != 0 {
		t.Errorf("answer = %d, want 503", got.Status)
	}
}

// FuzzPasskey: no bytes from outside sign a user in or break anything.
func FuzzPasskey(f *testing.F) {
	h := &home{Home: routetest.Furnish(f)}
	a := h.Authenticator()
	h.AddPasskey(h.Ada, a)
	h.route = h.with(h.People())
	b := pagetest.Open(h.route, "")
	good := a.Get(`{"challenge":"AAAA"}`)
	for _, seed := range []string{"", "{}", "null", "[]", good, strings.Replace(good, "signature", "x", 1), good[:len(good)/2]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, response string) {
		got := b.Post("/login", url.Values{"passkey": {response}})
		if got.Status != http.StatusBadRequest || got.Cookie(websec.SessionCookie) != nil {
			t.Errorf("passkey=%q: %d, want 400", response, got.Status)
		}
	})
}
