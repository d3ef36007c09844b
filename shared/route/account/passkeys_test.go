package account_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
)

func TestAddPasskey(t *testing.T) {
	s := newScene(t)
	page := s.Get("/account?open=add-passkey")
	says(t, "the page", page, http.StatusOK, `data-passkey="create"`, "<script>")
	send := with(form(t, page.Body, web.ActionAddPasskey, ""), "passkey", s.Authenticator().Create(one(t, page.Body, options)), "name", "  My\tkey ")
	goes(t, "POST", s.Post("/account", send), "/account?done=passkey")
	if keys, _, _, _ := s.ways(); len(keys) != 1 || keys[0].Name != "My key" {
		t.Errorf("passkeys = %+v, want one called My key", keys)
	}
	if n := s.Entries(audit.PasskeyAdd); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
	says(t, "the page afterwards", s.Get("/account?done=passkey"), http.StatusOK, "My key", "The passkey was added.", "Never used")

	// A form that is sent twice adds one passkey and shows no problem.
	goes(t, "the same again", s.Post("/account", send), "/account?done=passkey")
	if keys, _, _, _ := s.ways(); len(keys) != 1 {
		t.Errorf("there are %d passkeys, want 1", len(keys))
	}
	// A passkey that the user does not name gets a default name.
	page = s.Get("/account?open=add-passkey")
	send = with(form(t, page.Body, web.ActionAddPasskey, ""), "passkey", s.Authenticator().Create(one(t, page.Body, options)))
	goes(t, "without a name", s.Post("/account", send), "/account?done=passkey")
	if keys, _, _, _ := s.ways(); len(keys) != 2 || keys[0].Name == "" || keys[1].Name == "" {
		t.Errorf("passkeys = %+v, want two with names", keys)
	}
}

// TestAddPasskeyRefused: only the response of an authenticator to the current challenge
// of this page adds a passkey.
func TestAddPasskeyRefused(t *testing.T) {
	s := newScene(t)
	elsewhere, eve := s.at(s.ada), s.at(s.AddUser("eve"))
	ask := func(b *pagetest.Browser) (send map[string][]string, question string) {
		page := b.Get("/account?open=add-passkey").Body
		return form(t, page, web.ActionAddPasskey, ""), one(t, page, options)
	}
	own, question := ask(s.Browser)
	_, theirs := ask(elsewhere)
	_, eves := ask(eve)
	unverified, otherSite := s.Authenticator(), s.Authenticator()
	unverified.Unverified = true
	otherSite.Origin = "https://auth.example.com.evil.example"
	for name, response := range map[string]string{
		"nothing":               "",
		"junk":                  "{",
		"another login's":       s.Authenticator().Create(theirs),
		"another person's":      s.Authenticator().Create(eves),
		"nobody was recognized": unverified.Create(question),
		"another site's":        otherSite.Create(question),
		"a sign-in":             strings.ReplaceAll(s.Authenticator().Create(question), "webauthn.create", "webauthn.get"),
	} {
		if name == "a sign-in" {
			signedIn := s.Authenticator()
			signedIn.Create(question)
			response = signedIn.Get(question)
		}
		got := s.Post("/account", with(own, "passkey", response, "name", "kept <name>"))
		says(t, name, got, http.StatusBadRequest, `role="alert"`, "data-options=", "kept &lt;name&gt;")
	}
	says(t, "the Enter key", s.Post("/account", own), http.StatusBadRequest, web.NoPasskeyYet)
	s.Pass(passkey.Life)
	got := s.Post("/account", with(own, "passkey", s.Authenticator().Create(question)))
	says(t, "too late", got, http.StatusBadRequest, web.SlowPasskey, "data-options=")
	if keys, _, _, _ := s.ways(); len(keys) != 0 {
		t.Errorf("there are %d passkeys, want none", len(keys))
	}
	if n := s.Entries(audit.PasskeyAdd); n != 0 {
		t.Errorf("the trail has %d entries of an addition, want none", n)
	}
}

func TestTooManyPasskeys(t *testing.T) {
	s := newScene(t)
	page := s.Get("/account?open=add-passkey").Body
	send := with(form(t, page, web.ActionAddPasskey, ""), "passkey", s.Authenticator().Create(one(t, page, options)))
	for range passkey.Max {
		s.device(s.ada)
	}
	says(t, "one more", s.Post("/account", send), http.StatusBadRequest, web.PasskeyLimit)
	says(t, "the page for one more", s.Get("/account?open=add-passkey"), http.StatusBadRequest, web.PasskeyLimit)
	if keys, _, _, _ := s.ways(); len(keys) != passkey.Max {
		t.Errorf("there are %d passkeys, want %d", len(keys), passkey.Max)
	}
}

func TestRenamePasskey(t *testing.T) {
	s := newScene(t)
	k := s.device(s.ada)
	send := form(t, s.Get("/account").Body, web.ActionRenamePasskey, k.ID())
	goes(t, "POST", s.Post("/account", with(send, "name", `The <b>"other"</b> one`)), "/account?done=passkey-renamed")
	if keys, _, _, _ := s.ways(); keys[0].Name != `The <b>"other"</b> one` {
		t.Errorf("the name is %q", keys[0].Name)
	}
	says(t, "the page", s.Get("/account"), http.StatusOK, "The &lt;b&gt;&#34;other&#34;&lt;/b&gt; one")

	hers := s.device(s.AddUser("eve"))
	for name, id := range map[string]string{"somebody else's": hers.ID(), "none": "", "made up": strings.Repeat("0", 64)} {
		says(t, name, s.Post("/account", with(send, "id", id, "name", "mine")), http.StatusBadRequest, web.PasskeyGone)
	}
	if n := s.Entries(audit.PasskeyRename); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
}

func TestRemovePasskey(t *testing.T) {
	s := newScene(t)
	k, hers := s.device(s.ada), s.device(s.AddUser("eve"))
	send := form(t, s.Get("/account").Body, web.ActionRemovePasskey, k.ID())
	for name, id := range map[string]string{"somebody else's": hers.ID(), "none": "", "made up": strings.Repeat("0", 64)} {
		goes(t, name, s.Post("/account", with(send, "id", id)), "/account?done=passkey-removed")
	}
	if n := s.Entries(audit.PasskeyRemove); n != 0 {
		t.Errorf("the trail has %d entries of a removal, want none", n)
	}
	if _, err := s.Passkeys().Store.Get(t.Context(), hers.Subject, hers.ID()); err != nil {
		t.Errorf("the passkey of another person = %v, want it there", err)
	}
	for range 2 { // the second time it is gone already
		goes(t, "POST", s.Post("/account", send), "/account?done=passkey-removed")
	}
	if keys, _, _, _ := s.ways(); len(keys) != 0 {
		t.Errorf("there are %d passkeys, want none", len(keys))
	}
	if n := s.Entries(audit.PasskeyRemove); n != 1 {
		t.Errorf("the trail has %d entries of it, want 1", n)
	}
}

// TestLastWayIn: the only way to sign in is not removed, of whatever kind it is, and
// the page does not offer to remove it.
func TestLastWayIn(t *testing.T) {
	for name, prepare := range map[string]func(*scene) map[string]string{
		"password": func(*scene) map[string]string { return map[string]string{"action": web.ActionRemovePassword} },
		"passkey": func(s *scene) map[string]string {
			k := s.device(s.ada)
			s.forget()
			return map[string]string{"action": web.ActionRemovePasskey, "id": k.ID()}
		},
		"account elsewhere": func(s *scene) map[string]string {
			s.upstream(nil)
			l := s.link(s.ada, "ada-there")
			s.forget()
			return map[string]string{"action": web.ActionUnlink, "id": l.ID}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.enroll() // an authenticator app is no way in
			send := with(form(t, s.Get("/account").Body, web.ActionSignOut, ""))
			for field, value := range prepare(s) {
				send.Set(field, value)
			}
			s.Pass(upstream.TTL) // the page has seen that there is none
			if page := s.Get("/account").Body; strings.Contains(page, `value="`+send.Get("action")+`"`) || !strings.Contains(page, "This is your only way to sign in.") {
				t.Errorf("the page offers it, or does not say why not: %s", main(page))
			}
			before := s.everything()
			says(t, "POST", s.Post("/account", send), http.StatusBadRequest, `role="alert">`+web.LastWay)
			if after := s.everything(); after != before || s.count() != 1 {
				t.Errorf("%d ways in are left, want 1", s.count())
			}
		})
	}
}

// TestLastWayInAtOnce: of concurrent requests that each remove one of the last ways to
// sign in, all but one succeed.
func TestLastWayInAtOnce(t *testing.T) {
	s := newScene(t)
	s.upstream(nil)
	k, l := s.device(s.ada), s.link(s.ada, "ada-there")
	token := form(t, s.Get("/account").Body, web.ActionSignOut, "")
	h := route(s.Stage)
	var tabs sync.WaitGroup
	answers := make([]routetest.Answer, 3)
	for i, send := range []map[string]string{
		{"action": web.ActionRemovePassword},
		{"action": web.ActionRemovePasskey, "id": k.ID()},
		{"action": web.ActionUnlink, "id": l.ID},
	} {
		tab := pagetest.Open(h, "")
		for name, value := range s.Cookies {
			tab.Cookies[name] = value
		}
		f := with(token)
		for field, value := range send {
			f.Set(field, value)
		}
		tabs.Go(func() { answers[i] = tab.Post("/account", f) })
	}
	tabs.Wait()
	removed := 0
	for _, a := range answers {
		switch {
		case a.Status == http.StatusSeeOther && strings.HasPrefix(a.Header.Get("Location"), "/account?done="):
			removed++
		case a.Status != http.StatusBadRequest:
			t.Errorf("POST = %d to %q, want 303 to the page or 400", a.Status, a.Header.Get("Location"))
		}
	}
	if left := s.count(); left != 3-removed || left < 1 {
		t.Errorf("%d requests were told that they removed something, and %d ways in are left, want %d and at least one", removed, left, 3-removed)
	}
}

// TestTwoTabsRemoveOneEach is the same one after the other, with pages that both show
// two ways in.
func TestTwoTabsRemoveOneEach(t *testing.T) {
	s := newScene(t)
	first, second := s.device(s.ada), s.device(s.ada)
	s.forget()
	page := s.Get("/account").Body
	s.Pass(time.Minute)
	goes(t, "the first tab", s.Post("/account", form(t, page, web.ActionRemovePasskey, first.ID())), "/account?done=passkey-removed")
	says(t, "the second tab", s.Post("/account", form(t, page, web.ActionRemovePasskey, second.ID())), http.StatusBadRequest, web.LastWay)
	if keys, _, _, _ := s.ways(); len(keys) != 1 || keys[0].ID() != second.ID() {
		t.Errorf("passkeys = %+v, want the second one", keys)
	}
}
