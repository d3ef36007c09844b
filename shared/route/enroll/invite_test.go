package enroll_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
)

// invitation is what most tests invite with.
var invitation = onetime.New{Kind: onetime.Invite, UserName: "bob", Name: "Bob", Email: "bob@example.com", EmailVerified: true}

// names sends the first form of an invitation and returns the second.
func (s *scene) names(b *pagetest.Browser, link, userName, name string) url.Values {
	s.T.Helper()
	got := b.Post(invitePath, with(s.open(b, invitePath, link), "user_name", userName, "name", name))
	form := s.form(got, 200)
	if !strings.Contains(got.Body, `name="user_name" value="`+userName+`"`) {
		s.T.Fatalf("page = %s, want the user name in it", main(got))
	}
	form.Set("user_name", userName)
	return form
}

func TestInvitationWithAPassword(t *testing.T) {
	s := newScene(t)
	link := s.link(invitation)
	invited, err := s.tickets().Open(t.Context(), link, onetime.Invite)
	if err != nil {
		t.Fatal(err)
	}
	b := pagetest.Open(s.route, "")
	got := b.Get(invitePath + "?link=" + link)
	for _, want := range []string{"You are invited", `value="bob"`, `value="Bob"`, "<b>bob@example.com</b>"} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("page = %s, want %s", main(got), want)
		}
	}
	form := s.names(b, link, "robert", "Robert")
	if s.named("robert") != nil {
		t.Error("a name alone made a user")
	}
	// An email address or a subject in the form is ignored.
	s.in(b, b.Post(invitePath, withPassword(form, good, "email", "eve@example.com", "email_verified", "true", "subject", s.Ada)), invited.Subject, "pwd")
	u := s.named("robert")
	if u == nil || u.Subject != invited.Subject || u.Name != "Robert" || u.Email != "bob@example.com" || !u.EmailVerified || !s.knows(u.Subject, good) {
		t.Errorf("user = %+v, want robert with the address of the invitation", u)
	}
	entries, err := s.Trail().List(t.Context(), s.DB, audit.Query{Subject: invited.Subject, Limit: 9})
	if err != nil || len(entries) != 3 {
		t.Fatalf("trail = %+v, %v, want the invitation, the user and the login", entries, err)
	}
	for _, e := range entries {
		if e.Action == audit.UserCreate && (e.Actor != invited.Subject || e.Detail["signs_in_with"] != "password" || e.Detail["invited_by"] != "operator") {
			t.Errorf("entry = %+v, want who came, by whom", e)
		}
	}
	s.says(pagetest.Open(s.route, ""), pagetest.Open(s.route, "").Get(invitePath+"?link="+link), 410, web.UsedLink().Title)
}

func TestInvitationWithAPasskey(t *testing.T) {
	s := newScene(t)
	b := pagetest.Open(s.route, "")
	form := s.names(b, s.link(invitation), "bob", "")
	if !strings.Contains(form.Get("options"), `"name":"bob"`) {
		t.Errorf("options = %s, want the name in them", form.Get("options"))
	}
	device := s.Authenticator()
	got := b.Post(invitePath, with(form, "passkey", device.Create(form.Get("options"))))
	u := s.named("bob")
	if u == nil {
		t.Fatalf("answer = %d %s, want bob", got.Status, main(got))
	}
	s.in(b, got, u.Subject, "pop user mfa")
	if u.HasPassword() || len(mustList(s, u.Subject)) != 1 || s.Entries(audit.PasskeyAdd) != 1 || u.Name != "" {
		t.Errorf("bob = %+v, want a passkey, which the trail tells, and nothing else", u)
	}
	party := s.Passkeys()
	options, err := party.SignIn(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	if proof, err := party.Verify(t.Context(), passkey.Answer{Response: device.Get(options), Binding: "test"}); err != nil || proof.User.Subject != u.Subject {
		t.Errorf("sign-in with the new passkey = %+v, %v, want bob", proof, err)
	}
}

// Names that are refused are refused in the first and in the second step, and do not use
// up the link.
func TestInvitationNames(t *testing.T) {
	s := newScene(t)
	link := s.link(onetime.New{Kind: onetime.Invite})
	b := pagetest.Open(s.route, "")
	first := s.open(b, invitePath, link)
	second := s.names(b, link, "bob", "Bob")
	tests := []struct{ name, userName, display, want, field string }{
		{"taken", "ada", "Bob", web.TakenUserName, "user_name"},
		{"taken in other letters", "ADA", "Bob", web.TakenUserName, "user_name"},
		{"none", "", "Bob", web.BadUserName, "user_name"},
		{"space", "bob b", "Bob", web.BadUserName, "user_name"},
		{"long", strings.Repeat("b", 65), "Bob", web.BadUserName, "user_name"},
		{"markup", `"><script>`, "Bob", web.BadUserName, "user_name"},
		{"long display name", "bob", strings.Repeat("b", 201), web.BadName, "name"},
		{"display name that cannot be shown", "bob", "Bob\u202e", web.BadName, "name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for step, form := range []url.Values{
				with(first, "user_name", tt.userName, "name", tt.display),
				withPassword(second, good, "user_name", tt.userName, "name", tt.display),
			} {
				got := b.Post(invitePath, form)
				s.says(b, got, 400, tt.want)
				if !strings.Contains(got.Body, `id="`+tt.field+`"`) || strings.Count(got.Body, `aria-invalid="true"`) != 1 || strings.Contains(got.Body, "<script>") {
					t.Errorf("step %d: page = %s, want the names to be asked for", step, main(got))
				}
			}
		})
	}
	s.unused(link, onetime.Invite)
	got := b.Post(invitePath, withPassword(second, good, "user_name", "bob"))
	if s.named("bob") == nil {
		t.Fatalf("answer = %d %s, want bob", got.Status, main(got))
	}
	s.in(b, got, s.named("bob").Subject, "pwd")
}

// A user name that another request takes at the same time is refused as taken.
func TestInvitationNameTakenMeanwhile(t *testing.T) {
	s := newScene(t)
	link := s.link(invitation)
	b := pagetest.Open(s.route, "")
	form := s.names(b, link, "bob", "Bob")
	s.meanwhile = func() { s.AddUser("Bob") }
	s.says(b, b.Post(invitePath, withPassword(form, good)), 400, web.TakenUserName)
	s.unused(link, onetime.Invite)
}

func TestInvitationRefusals(t *testing.T) {
	s := newScene(t)
	link := s.link(invitation)
	b := pagetest.Open(s.route, "")
	first := s.open(b, invitePath, link)
	form := s.names(b, link, "robert", "Bob")
	s.says(b, b.Post(invitePath, with(first, "user_name", "robert", "csrf", "x")), 400, web.ExpiredForm)
	for name, tt := range map[string]struct {
		form url.Values
		want string
	}{
		"nothing":          {with(form), web.NoChoice},
		"weak":             {withPassword(form, "Robert2026!"), "too similar to the name"},
		"their address":    {withPassword(form, "bob@example.com"), "too similar to the name"},
		"different":        {with(form, "password", good, "again", "x"), web.DifferentPasswords},
		"no passkey":       {with(form, "passkey", "x"), web.UnusablePasskey},
		"no form of ours":  {withPassword(form, good, "csrf", "x"), web.ExpiredForm},
		"no form, no code": {withPassword(form, good, "csrf", "", "code", "123456"), web.ExpiredForm},
	} {
		t.Run(name, func(t *testing.T) {
			got := b.Post(invitePath, tt.form)
			s.says(b, got, 400, tt.want)
			if !strings.Contains(got.Body, `value="robert"`) || strings.Contains(got.Body, `name="code"`) {
				t.Errorf("page = %s, want what was chosen before, and no question for a code", main(got))
			}
		})
	}
	s.Pass(passkey.Life)
	s.says(b, b.Post(invitePath, with(form, "passkey", s.Authenticator().Create(form.Get("options")))), 400, web.SlowPasskey)
	s.unused(link, onetime.Invite)
	if s.named("robert") != nil {
		t.Error("a refused choice made a user")
	}
}

// CVE-2025-46815 (Zitadel): of concurrent requests with one invitation, one succeeds.
func TestCVE202546815InvitationUsedAtOnce(t *testing.T) {
	for name, userName := range map[string]func(int) string{
		"many names": func(i int) string { return "bob" + string(rune('a'+i)) },
		"one name":   func(int) string { return "bob" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			link := s.link(onetime.New{Kind: onetime.Invite})
			const many = 6
			browsers, forms := make([]*pagetest.Browser, many), make([]url.Values, many)
			for i := range many {
				browsers[i] = pagetest.Open(s.route, "")
				forms[i] = s.names(browsers[i], link, userName(i), "")
			}
			answers := make([]routetest.Answer, many)
			var wg sync.WaitGroup
			for i := range many {
				wg.Go(func() { answers[i] = browsers[i].Post(invitePath, withPassword(forms[i], password(i))) })
			}
			wg.Wait()
			in := 0
			for i, got := range answers {
				if got.Status == 303 {
					in++
				} else if got.Status != 410 {
					t.Errorf("%d: answer = %d %s, want to be told that the link was used", i, got.Status, main(got))
				}
			}
			// The names of ada and of the one who came in.
			if names := s.count("username"); in != 1 || names != 2 {
				t.Errorf("%d of %d were let in and there are %d names, want one and two", in, many, names)
			}
		})
	}
}

// A link that was used after the form was shown creates no user.
func TestInvitationUsedMeanwhile(t *testing.T) {
	s := newScene(t)
	link := s.link(invitation)
	b := pagetest.Open(s.route, "")
	form := s.names(b, link, "bob", "")
	s.meanwhile = func() {
		opened, err := s.tickets().Open(t.Context(), link, onetime.Invite)
		if err != nil {
			t.Error(err)
			return
		}
		if err := (dynamo.Tx{opened.Use(t.Context())}).Run(t.Context(), s.DB); err != nil {
			t.Error(err)
		}
	}
	s.says(b, b.Post(invitePath, withPassword(form, good)), 410, web.UsedLink().Title)
	if s.named("bob") != nil {
		t.Error("a link that was used made a user")
	}
}

// An invited user may sign up with an upstream account, if the stage has an upstream.
func TestInvitationUpstreams(t *testing.T) {
	s := newScene(t)
	link := s.link(invitation)
	table := s.Table(contract.Registry)
	for _, u := range []*upstream.Upstream{
		{ID: "google", Name: "Google", Type: upstream.TypeGoogle, Issuer: "https://accounts.google.com", ClientID: "c", FirstSignIn: upstream.FirstInvitation, Revision: 1},
		{ID: "old", Name: "Old", Type: upstream.TypeOIDC, Issuer: "https://old.example.com", ClientID: "c", FirstSignIn: upstream.FirstCreate, Disabled: true, Revision: 1},
	} {
		if err := (dynamo.Tx{dynamo.Put(table, upstream.Encode(u))}).Run(t.Context(), s.DB); err != nil {
			t.Fatal(err)
		}
	}
	got := pagetest.Open(s.route, "").Get(invitePath + "?link=" + link)
	if !strings.Contains(got.Body, `href="/upstream/google?invite=`+link+`"`) || strings.Contains(got.Body, "/upstream/old") {
		t.Errorf("page = %s, want a way by google and none by what is disabled", main(got))
	}
}

// An invitation does not sign in a user who was created after it was made.
func TestInvitationOfSomebodyWhoIsHere(t *testing.T) {
	s := newScene(t)
	link := s.link(invitation)
	invited, err := s.tickets().Open(t.Context(), link, onetime.Invite)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&admin.Store{Store: s.People()}).Create(t.Context(), admin.New{Subject: invited.Subject, UserName: "first"}); err != nil {
		t.Fatal(err)
	}
	b := pagetest.Open(s.route, "")
	form := s.names(b, link, "second", "")
	if got := b.Post(invitePath, withPassword(form, good)); got.Status != 409 || s.login(b) != nil || s.named("second") != nil || s.user(invited.Subject).HasPassword() {
		t.Errorf("answer = %d %s, want that nothing happens to who is here", got.Status, main(got))
	}
}

// An expired form of an invitation is shown again, and the link is still valid.
func TestInvitationTakesTime(t *testing.T) {
	s := newScene(t)
	b := pagetest.Open(s.route, "")
	form := s.names(b, s.link(invitation), "bob", "")
	s.Pass(time.Hour + time.Second)
	got := b.Post(invitePath, withPassword(form, good))
	s.says(b, got, 400, web.ExpiredForm)
	again := s.form(got, 400)
	again.Set("user_name", "bob")
	got = b.Post(invitePath, withPassword(again, good))
	s.in(b, got, s.named("bob").Subject, "pwd")
}
