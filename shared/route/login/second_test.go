package login_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/login"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
)

// secured is a stage where ada has an app.
func secured(t *testing.T) (*home, *routetest.AuthenticatorApp) {
	t.Helper()
	h := newHome(t)
	return h, h.AddApp(h.Ada)
}

// A password is the first of two steps, and the second leads to the page that the
// first was to lead to.
func TestPasswordAndCode(t *testing.T) {
	h, app := secured(t)
	b := pagetest.Open(h.route, "")
	const back = "/authorize?client_id=web&state=a%2Bb"
	form := filled(t, b.Get("/login?to=https%3A&return="+url.QueryEscape(back)), "ada", routetest.Password)
	got := b.Post("/login", form)
	if got.Status != 200 || !strings.Contains(got.Body, "Enter your code") || got.Cookie(websec.SessionCookie) != nil || h.Entries(session.ActionLogin) != 0 {
		t.Fatalf("the password = %d %s, want the page of the second step and no session", got.Status, got.Body)
	}
	if strings.Contains(got.Body, routetest.Password) || !strings.Contains(got.Header.Get("Content-Security-Policy"), "form-action 'self' https:") {
		t.Errorf("page = %s %v, want no password and a policy that leads on", got.Body, got.Header)
	}
	step := pagetest.Forms(got.Body)[0]
	step.Set("code", app.Code())
	got = b.Post("/login", step)
	if l := h.opened(b); got.Status != 303 || got.Header.Get("Location") != back || l == nil || !slices.Equal(l.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("the code = %d to %q, login %+v, want two factors and the way back", got.Status, got.Header.Get("Location"), l)
	}
	if log := h.Log.String(); strings.Contains(log, app.Code()) || strings.Contains(log, "tsx_") {
		t.Errorf("log = %s holds a code", log)
	}
}

// A code from another site signs no user in.
func TestCodeOfAnotherSite(t *testing.T) {
	h, app := secured(t)
	b := pagetest.Open(h.route, "")
	step := pagetest.Forms(b.Post("/login", fill(t, b, "ada", routetest.Password)).Body)[0]
	step.Set("code", app.Code())
	if got := b.PostFrom("/login", step, "https://evil.example", "cross-site"); got.Status != 403 || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("answer = %d, want 403", got.Status)
	}
}

// Without the right password an answer does not tell whether the user has an
// authenticator app.
func TestAnAppIsNotTold(t *testing.T) {
	h, _ := secured(t)
	b := pagetest.Open(h.route, "")
	with := b.Post("/login", fill(t, b, "ada", "wrong"))
	without := b.Post("/login", fill(t, b, "nobody", "wrong"))
	if a, b := shape(with, "ada"), shape(without, "nobody"); with.Status != 400 || a != b {
		t.Errorf("a wrong password of who has an app = %d %s, want %s", with.Status, a, b)
	}
	got := routetest.Do(h.route, phone("ada", "wrong"))
	if got.Status != 400 || got.Error() != string(oauth.InvalidGrant) {
		t.Errorf("JSON = %d %s, want invalid_grant", got.Status, got.Body)
	}
}

// A right password is not counted as a guess, even if the second step is never taken.
func TestTheFirstStepIsNoGuess(t *testing.T) {
	h, _ := secured(t)
	for i := range throttle.Free/2 + 1 { // twice each
		b := pagetest.Open(h.route, "")
		if got := b.Post("/login", fill(t, b, "ada", routetest.Password)); got.Status != 200 {
			t.Fatalf("try %d = %d, want the second step", i, got.Status)
		}
		if got := routetest.Do(h.route, phone("ada", routetest.Password)); got.Error() != string(oauth.OTPRequired) {
			t.Fatalf("try %d in JSON = %d %s, want otp_required", i, got.Status, got.Body)
		}
	}
}

func TestClientWithACode(t *testing.T) {
	h, app := secured(t)
	got := routetest.Do(h.route, phone("ada", routetest.Password))
	if got.Status != 400 || got.Error() != "otp_required" || got.JSON["refresh_token"] != nil || h.Entries(session.ActionGrant) != 0 {
		t.Fatalf("without a code = %d %s, want 400 otp_required and no grant", got.Status, got.Body)
	}
	got = routetest.Do(h.route, phone("ada", routetest.Password, "otp", app.Code()))
	handle, err := h.Handles().Parse(t.Context(), got.Text("refresh_token"))
	if err != nil {
		t.Fatalf("with a code = %d %s: %v", got.Status, got.Body, err)
	}
	if g, err := h.Sessions().Grant(t.Context(), h.Ada, handle.Grant); err != nil || !slices.Equal(g.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("grant = %+v, %v, want one of two factors", g, err)
	}
	for name, code := range map[string]string{
		"the same code": app.Code(), "a wrong code": app.Wrong(), "no code": "hello", "a long one": strings.Repeat("1", 900), "half a code": "000",
	} {
		got := routetest.Do(h.route, phone("ada", routetest.Password, "otp", code))
		if got.Status != 400 || got.Error() != string(oauth.InvalidGrant) || !strings.Contains(got.Body, "code") {
			t.Errorf("%s = %d %s, want invalid_grant", name, got.Status, got.Body)
		}
	}
	if n := h.Entries(audit.LoginRefuse); n != throttle.Free {
		t.Errorf("the trail has %d refusals, want %d", n, throttle.Free)
	}
	if got := routetest.Do(h.route, phone("ada", routetest.Password, "otp", app.Recovery[0])); got.Status != 429 || got.Header.Get("Retry-After") == "" {
		t.Errorf("after %d tries = %d %s, want 429", throttle.Free, got.Status, got.Body)
	}
	h.Pass(throttle.Memory)
	if got := routetest.Do(h.route, phone("ada", routetest.Password, "otp", app.Recovery[0])); got.Status != 200 {
		t.Errorf("a recovery code = %d %s, want tokens", got.Status, got.Body)
	}
	if got := routetest.Do(h.route, phone("ada", "wrong", "otp", app.Recovery[1])); got.Error() != string(oauth.InvalidGrant) {
		t.Errorf("a wrong password with a code = %d %s, want invalid_grant", got.Status, got.Body)
	}
	if got := routetest.Do(h.route, phone("ada", routetest.Password, "otp", app.Recovery[1])); got.Status != 200 {
		t.Errorf("the code that came with a wrong password = %d %s, want it to be good still", got.Status, got.Body)
	}
}

// A page of a client asks for the code as well, and its browser is known afterwards.
func TestPageOfAClientWithACode(t *testing.T) {
	h, app := secured(t)
	if got := routetest.Do(h.route, page("ada", routetest.Password)); got.Status != 400 || got.Error() != "otp_required" || got.Header.Get("Access-Control-Allow-Origin") != routetest.App {
		t.Fatalf("without a code = %d %s, want otp_required that the page may read", got.Status, got.Body)
	}
	got := routetest.Do(h.route, page("ada", routetest.Password, "otp", app.Code()))
	if got.Status != 200 || got.Cookie(websec.RefreshCookie) == nil || got.Cookie(websec.BrowserCookie) == nil {
		t.Errorf("with a code = %d %s %v, want the cookies", got.Status, got.Body, got.Header)
	}
}

// A user without an app is not asked for a code, and a code that they send has no
// effect.
func TestCodeOfWhoHasNoApp(t *testing.T) {
	h := newHome(t)
	if got := routetest.Do(h.route, phone("ada", routetest.Password, "otp", "123456")); got.Status != 200 {
		t.Errorf("answer = %d %s, want tokens", got.Status, got.Body)
	}
}

// The page offers a passkey and the upstreams before the password, and each link keeps
// the destination of the page.
func TestUpstreams(t *testing.T) {
	h := newHome(t)
	h.elsewhere = []web.Upstream{{ID: "google", Name: "Google"}, {ID: "a/b?", Name: "<Odd>"}}
	b := pagetest.Open(h.route, "")
	body := b.Get("/login?to=https%3A&return=%2Fauthorize%3Fclient_id%3Dweb%26state%3Da%252Bb").Body
	for _, want := range []string{
		"Sign in with a passkey",
		`href="/upstream/google?return=%2Fauthorize%3Fclient_id%3Dweb%26state%3Da%252Bb&amp;to=https%3A">Continue with Google</a>`,
		`href="/upstream/a%2Fb%3F?return=`, "Continue with &lt;Odd&gt;", `name="password"`,
	} {
		_, after, ok := strings.Cut(body, want)
		if !ok {
			t.Fatalf("the page lacks %s in its place:\n%s", want, body)
		}
		body = after
	}
	if got := b.Get("/login?return=https%3A%2F%2Fevil.example"); strings.Contains(got.Body, "evil") {
		t.Error("a link leads to where a stranger asked to go")
	}
	// Users sign in with a password while the upstreams cannot be read.
	h.elsewhere, h.down = nil, errors.New("the table is away")
	if got := b.Post("/login", fill(t, b, "ada", routetest.Password)); got.Status != 303 {
		t.Errorf("a sign-in without upstreams = %d, want 303", got.Status)
	}
	if !strings.Contains(h.Log.String(), "the table is away") {
		t.Error("the log does not say that the upstreams cannot be read")
	}
}

// The upstreams of the registry are listed by name, and disabled ones are not.
func TestUpstreamsOfTheRegistry(t *testing.T) {
	h := newHome(t)
	table := h.Table(contract.Registry)
	for _, u := range []*upstream.Upstream{
		{ID: "corp", Name: "Corp", Type: upstream.TypeOIDC, Issuer: "https://id.example.com", ClientID: "tipstaff", FirstSignIn: upstream.FirstInvitation, Revision: 1},
		{ID: "old", Name: "Old", Type: upstream.TypeOIDC, Issuer: "https://old.example.com", ClientID: "tipstaff", FirstSignIn: upstream.FirstInvitation, Disabled: true, Revision: 1},
	} {
		if _, err := h.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: upstream.Encode(u)}); err != nil {
			t.Fatal(err)
		}
	}
	store := &upstream.Store{DB: h.DB, Registry: table, Now: h.Now}
	all, err := login.Upstreams(store)(t.Context())
	if err != nil || !slices.Equal(all, []web.Upstream{{ID: "corp", Name: "Corp"}}) {
		t.Errorf("Upstreams = %v, %v, want corp alone", all, err)
	}
	store = &upstream.Store{DB: h.DB, Registry: "no-such-table", Now: h.Now}
	if all, err := login.Upstreams(store)(t.Context()); err == nil {
		t.Errorf("Upstreams without a table = %v, want an error", all)
	}
}

// A signed-in user who has to confirm sees their name, and types none.
func TestConfirm(t *testing.T) {
	h := newHome(t)
	before, cookie := h.Login(h.Ada)
	b := pagetest.Open(h.route, cookie)
	const path = "/login?why=confirm&login_hint=eve&return=%2Faccount%3Fopen%3Dways"
	got := b.Get(path)
	for _, want := range []string{"<h1>Confirm that it&#39;s you</h1>", "<b>ada</b>", `href="/login?return=%2Faccount%3Fopen%3Dways">Not you?`, `value="ada"`} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("the page lacks %s:\n%s", want, got.Body)
		}
	}
	if strings.Contains(got.Body, "eve") || strings.Contains(got.Body, `<label for="user_name">`) {
		t.Errorf("the page asks who it is:\n%s", got.Body)
	}
	form := filled(t, got, "ada", "wrong")
	got = b.Post("/login", form)
	if got.Status != 400 || !strings.Contains(got.Body, "Confirm that it&#39;s you") || !strings.Contains(got.Body, web.WrongPassword) || h.opened(b) == nil {
		t.Fatalf("a wrong password = %d %s, want the page again, and the session as it was", got.Status, got.Body)
	}
	got = b.Post("/login", filled(t, got, "ada", routetest.Password))
	if l := h.opened(b); got.Status != 303 || got.Header.Get("Location") != "/account?open=ways" || l == nil || l.ID != before.ID {
		t.Errorf("answer = %d to %q, login %+v, want the same session and the way back", got.Status, got.Header.Get("Location"), l)
	}
	for name, nobody := range map[string]string{"nobody": "", "a forged cookie": "tsi_x", "an old cookie": cookie} {
		body := pagetest.Open(h.route, nobody).Get(path).Body
		if !strings.Contains(body, "Confirm that it&#39;s you") || !strings.Contains(body, `<label for="user_name">`) || !strings.Contains(body, `value="eve"`) || strings.Contains(body, "Not you?") {
			t.Errorf("%s: the page does not ask who it is:\n%s", name, body)
		}
	}
	u, err := h.People().Get(t.Context(), h.Ada)
	if err != nil {
		t.Fatal(err)
	}
	if err := (dynamo.Tx{h.People().Changing(u, dynamo.Changes{Remove: []string{identity.AttrPassword}})}).Run(t.Context(), h.DB); err != nil {
		t.Fatal(err)
	}
	if got := b.Get(path); passwordForm(got.Body) != nil || !strings.Contains(got.Body, "Sign in with a passkey") {
		t.Errorf("who has no password is asked for it:\n%s", got.Body)
	}
	h.switchOff(h.Ada)
	if body := pagetest.Open(h.route, b.Cookies[websec.SessionCookie]).Get(path).Body; strings.Contains(body, "<b>ada</b>") {
		t.Error("somebody who is switched off is signed in")
	}
}

// The page names the strength of sign-in that a client asks for, and ignores a value
// that no client can ask for.
func TestStrongSignIn(t *testing.T) {
	h := newHome(t)
	b := pagetest.Open(h.route, "")
	const words = "asks for a passkey, or for a code"
	for acr, want := range map[string]bool{"aal2": true, "aal1": false, "x": false, "": false} {
		got := b.Get("/login?acr=" + acr)
		if strings.Contains(got.Body, words) != want {
			t.Errorf("acr=%s: the page says so: %t, want %t", acr, !want, want)
		}
		if again := b.Post("/login", filled(t, got, "nobody", "wrong")); strings.Contains(again.Body, words) != want {
			t.Errorf("acr=%s: after a wrong password the page says so: %t, want %t", acr, !want, want)
		}
	}
}

// A visit to the page without a sign-in makes no session and no call.
func TestCostOfThePage(t *testing.T) {
	h := newHome(t)
	counter := h.Count()
	h.route = h.with(h.People())
	pagetest.Open(h.route, "").Get("/login?why=confirm")
	if len(counter.Calls) != 0 {
		t.Errorf("the page made the calls %v, want none", counter.Calls)
	}
}

// The page loads nothing from another origin, and the password works without a script.
func TestWithoutAScript(t *testing.T) {
	h := newHome(t)
	b := pagetest.Open(h.route, "")
	got := b.Get("/login")
	if !strings.Contains(got.Body, `data-go hidden>`) || strings.Contains(got.Body, "src=") {
		t.Errorf("the button that needs the script is not hidden, or something is loaded:\n%s", got.Body)
	}
	// A browser that sends the form of the passkey all the same gets the page.
	_, form := asked(t, got.Body)
	if again := b.Post("/login", form); again.Status != 400 || passwordForm(again.Body) == nil || again.Cookie(websec.SessionCookie) != nil {
		t.Errorf("an empty passkey = %d, want 400 with the page", again.Status)
	}
	if got := b.Post("/login", fill(t, b, "ada", routetest.Password)); got.Status != 303 {
		t.Errorf("the password = %d, want 303", got.Status)
	}
}

// A sign-in starts over if all sessions of the user ended between its two steps.
func TestSignInAfterEverythingEnded(t *testing.T) {
	h, app := secured(t)
	b := pagetest.Open(h.route, "")
	step := pagetest.Forms(b.Post("/login", fill(t, b, "ada", routetest.Password)).Body)[0]
	if _, err := h.Sessions().EndAll(context.Background(), h.Ada, session.Cause{Why: session.Admin, Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	step.Set("code", app.Code())
	got := b.Post("/login", step)
	if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, web.BeginAgain("").Title) || got.Cookie(websec.SessionCookie) != nil {
		t.Errorf("answer = %d %s, want to begin again", got.Status, got.Body)
	}
}
