package logout_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// bye is the address that the client "app" may send users to after they have signed
// out.
const bye = "https://app.example.com/bye"

// desk is a browser with a signed-in user who has allowed the client "app".
type desk struct {
	*pagetest.Stage
	*pagetest.Browser
	ada    string
	login  *session.Login
	grant  *session.Grant
	hint   string // an id token of app
	cookie string
}

func sitDown(t testing.TB) *desk {
	t.Helper()
	d := &desk{Stage: pagetest.New(t)}
	d.Register(client.Client{
		ID: "app", Name: "Orders", AuthMethods: []string{oauth.AuthNone},
		PostLogoutURIs: []string{bye, bye + "?lang=en", "com.example.app:/bye", "javascript:alert(1)", "http://localhost.evil.test/"},
	})
	d.Register(client.Client{ID: "other", AuthMethods: []string{oauth.AuthNone}, PostLogoutURIs: []string{"https://other.example.com/"}})
	d.Register(client.Client{ID: "off", AuthMethods: []string{oauth.AuthNone}, PostLogoutURIs: []string{bye}, Disabled: true})
	d.ada = d.Person("ada", "Ada Lovelace")
	d.login, d.cookie = d.Login(d.ada)
	d.grant = d.Grant(d.ada, "app", d.login.ID)
	d.hint = d.idToken("app", d.ada, d.login.AuthTime)
	d.Browser = pagetest.Open(route(d.Stage), d.cookie)
	return d
}

func (d *desk) idToken(clientID, subject string, authTime time.Time) string {
	d.T.Helper()
	text, err := d.Minter().ID(context.Background(), token.IDRequest{
		Subject: subject, ClientID: clientID, AuthTime: authTime, SessionID: d.grant.ID,
	})
	if err != nil {
		d.T.Fatal(err)
	}
	return text
}

// link returns the URL of a logout with these parameters.
func link(pairs ...string) string {
	q := url.Values{}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		q.Add(pairs[0], pairs[1])
	}
	return "/logout?" + q.Encode()
}

// TestApplicationSignsOut: with an ID token of this login session the user is signed
// out without a question, and the browser returns to the client.
func TestApplicationSignsOut(t *testing.T) {
	tests := []struct {
		name  string
		pairs []string
		want  string
	}{
		{"with everything", []string{"client_id", "app", "post_logout_redirect_uri", bye, "state", "a b&c", "logout_hint", "eve", "ui_locales", "en"}, bye + "?state=a+b%26c"},
		{"by the hint alone", []string{"post_logout_redirect_uri", bye}, bye},
		{"to an address with a query", []string{"post_logout_redirect_uri", bye + "?lang=en", "state", "s"}, bye + "?lang=en&state=s"},
		{"to an app", []string{"post_logout_redirect_uri", "com.example.app:/bye", "state", "s"}, "com.example.app:/bye?state=s"},
		{"to nowhere", []string{"state", "s"}, "/logout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := sitDown(t)
			got := d.Get(link(append(tt.pairs, "id_token_hint", d.hint)...))
			if got.Status != http.StatusSeeOther || got.Header.Get("Location") != tt.want {
				t.Fatalf("GET = %d to %q, want 303 to %q", got.Status, got.Header.Get("Location"), tt.want)
			}
			if live := d.Live(d.ada); len(live) != 0 || d.Cookies[websec.SessionCookie] != "" {
				t.Errorf("live afterwards: %v with cookies %v, want nothing", live, d.Cookies)
			}
			if n := d.Entries(session.ActionEndLogin); n != 1 {
				t.Errorf("the trail has %d entries of the end, want 1", n)
			}
			if strings.Contains(got.Header.Get("Location")+d.Log.String(), d.hint) || got.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Error("the hint went on, or into the log")
			}
		})
	}
}

// TestOldHint: an ID token is good as a hint long after its five minutes.
func TestOldHint(t *testing.T) {
	d := sitDown(t)
	for range 40 { // the browser is used in between
		d.Time = d.Time.Add(15 * time.Minute)
		if err := d.Sessions().Touch(context.Background(), d.login, d.login.ClientInfo); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.Get(link("id_token_hint", d.hint, "post_logout_redirect_uri", bye)); got.Header.Get("Location") != bye || len(d.Live(d.ada)) != 0 {
		t.Errorf("GET after ten hours = %d to %q, want 303 to %s", got.Status, got.Header.Get("Location"), bye)
	}
}

// TestPostOfAnApplication: a POST of a client leads to the same page as a link.
func TestPostOfAnApplication(t *testing.T) {
	d := sitDown(t)
	form := url.Values{"id_token_hint": {d.hint}, "post_logout_redirect_uri": {bye}, "state": {"s"}}
	// A browser sends no cookie of ours with the post of another site.
	elsewhere := pagetest.Open(d.Route, "")
	got := elsewhere.PostFrom("/logout", form, "https://app.example.com", "cross-site")
	if got.Status != http.StatusSeeOther || len(d.Live(d.ada)) != 2 {
		t.Fatalf("POST = %d, want 303 and nothing ended", got.Status)
	}
	if got := d.Get(got.Header.Get("Location")); got.Header.Get("Location") != bye+"?state=s" || len(d.Live(d.ada)) != 0 {
		t.Errorf("the GET after it = %d to %q, want 303 to %s?state=s", got.Status, got.Header.Get("Location"), bye)
	}
}

// asks fails unless the answer is the question and nothing has happened.
func (d *desk) asks(t *testing.T, name string, got routetest.Answer) {
	t.Helper()
	if got.Status != http.StatusOK || !strings.Contains(got.Body, "Sign out?") || got.Header.Get("Location") != "" {
		t.Errorf("%s: GET = %d to %q %s, want the question", name, got.Status, got.Header.Get("Location"), got.Body)
	}
	if !d.Live(d.ada)[d.login.ID] {
		t.Fatalf("%s: the login has ended", name)
	}
}

// TestAskFirst: without a hint of this login session the user is asked, and the
// browser goes on only after that.
func TestAskFirst(t *testing.T) {
	d := sitDown(t)
	eve := d.Person("eve", "")
	expired := d.login.AuthTime.Add(-time.Hour)
	for name, pairs := range map[string][]string{
		"no hint":                        {"client_id", "app"},
		"another person's":               {"id_token_hint", d.idToken("app", eve, d.login.AuthTime)},
		"another sign-in of the person":  {"id_token_hint", d.idToken("app", d.ada, expired)},
		"a made-up one":                  {"id_token_hint", "made.up.hint", "client_id", "app"},
		"only the name of whom to leave": {"logout_hint", "ada", "client_id", "app"},
	} {
		d.asks(t, name, d.Get(link(append(pairs, "post_logout_redirect_uri", bye, "state", "s")...)))
	}
	asked := d.Get(link("client_id", "app", "post_logout_redirect_uri", bye, "state", `"><i>`))
	if policy := asked.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https:;") && !strings.HasSuffix(policy, "form-action 'self' https:") {
		t.Errorf("the policy is %q, want that the form may lead to the application", policy)
	}
	if !strings.Contains(asked.Body, "<b>Orders</b>") || strings.Contains(asked.Body, "<i>") {
		t.Errorf("the page does not name the application, or has its state as markup:\n%s", asked.Body)
	}
	got := d.Post("/logout", pagetest.Forms(asked.Body)[0])
	if want := bye + "?state=%22%3E%3Ci%3E"; got.Status != http.StatusSeeOther || got.Header.Get("Location") != want || len(d.Live(d.ada)) != 0 {
		t.Errorf("POST = %d to %q, want 303 to %s", got.Status, got.Header.Get("Location"), want)
	}
	// The button of a second tab.
	if got := d.Post("/logout", pagetest.Forms(asked.Body)[0]); got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), bye) {
		t.Errorf("a second POST = %d to %q, want 303 to %s", got.Status, got.Header.Get("Location"), bye)
	}
}

// TestForcedLogoutByAForgedHint (STRIDE of /logout): none of the 18 kinds of forged
// JWT signs a user out.
func TestForcedLogoutByAForgedHint(t *testing.T) {
	d := sitDown(t)
	key, err := d.Document.Active(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.Signer()
	if err != nil {
		t.Fatal(err)
	}
	mold := tokentest.Mold{
		Key: private, KeyID: key.ID, Types: []string{token.IDType}, Now: d.Time, Lasting: true,
		Claims: map[string]any{
			"iss": routetest.Issuer, "sub": d.ada, "aud": "app", "azp": "app", "sid": d.grant.ID,
			"iat": d.Time.Unix(), "exp": d.Time.Add(time.Minute).Unix(), "auth_time": d.login.AuthTime.Unix(),
		},
	}
	for _, f := range mold.Forge(t) {
		request := httptest.NewRequest(http.MethodGet, "/logout", nil)
		request.URL.RawQuery = url.Values{"id_token_hint": {f.JWT}, "client_id": {"app"}}.Encode()
		request.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: d.cookie})
		got := routetest.Do(d.Route, request)
		if got.Status != http.StatusOK && got.Status != http.StatusBadRequest {
			t.Errorf("%s: GET = %d to %q, want the question or a refusal", f, got.Status, got.Header.Get("Location"))
		}
		if !d.Live(d.ada)[d.login.ID] {
			t.Fatalf("%s: the login has ended", f)
		}
	}
	// An access token is no ID token, though the same keys signed it.
	access, err := d.Minter().Mint(context.Background(), token.Request{
		Subject: d.ada, ClientID: "app", Audience: []string{"app"}, Algorithm: oauth.ES256, Lifetime: time.Minute,
		SessionID: d.grant.ID, AuthTime: d.login.AuthTime,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.asks(t, "an access token", d.Get(link("id_token_hint", access.Value)))
	if got := d.Get(link("id_token_hint", mold.Sign(t, nil))); got.Status != http.StatusSeeOther || d.Live(d.ada)[d.login.ID] {
		t.Errorf("the good one = %d, want 303 and nobody signed in: the forgeries prove nothing", got.Status)
	}
}

// TestRotatedHint: a hint is ignored when its key is gone.
func TestRotatedHint(t *testing.T) {
	d := sitDown(t)
	next, err := keys.Generate(d.Time)
	if err != nil {
		t.Fatal(err)
	}
	d.Document = next
	d.asks(t, "a hint under a key that is gone", d.Get(link("id_token_hint", d.hint, "client_id", "app", "post_logout_redirect_uri", bye)))
}

// TestOnlyNavigationSignsOut: a page that embeds the link, a browser that prefetches
// it, and a HEAD request sign no user out.
func TestOnlyNavigationSignsOut(t *testing.T) {
	d := sitDown(t)
	for name, tt := range map[string]struct{ method, header, value string }{
		"an image":         {http.MethodGet, "Sec-Fetch-Dest", "image"},
		"a frame":          {http.MethodGet, "Sec-Fetch-Dest", "iframe"},
		"a script's fetch": {http.MethodGet, "Sec-Fetch-Dest", "empty"},
		"a prefetch":       {http.MethodGet, "Sec-Purpose", "prefetch;prerender"},
		"an old prefetch":  {http.MethodGet, "Purpose", "prefetch"},
		"a HEAD":           {http.MethodHead, "Sec-Fetch-Dest", "document"},
	} {
		r := httptest.NewRequest(tt.method, link("id_token_hint", d.hint, "post_logout_redirect_uri", bye), nil)
		r.Header.Set(tt.header, tt.value)
		r.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: d.cookie})
		if got := routetest.Do(d.Route, r); got.Status != http.StatusOK || !d.Live(d.ada)[d.login.ID] {
			t.Fatalf("%s = %d, want the question and nothing ended", name, got.Status)
		}
	}
	r := httptest.NewRequest(http.MethodGet, link("id_token_hint", d.hint), nil)
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: d.cookie})
	if got := routetest.Do(d.Route, r); got.Status != http.StatusSeeOther || d.Live(d.ada)[d.login.ID] {
		t.Errorf("a navigation = %d, want 303", got.Status)
	}
}

// TestNobodyToSignOut: without a login session the browser goes on all the same.
func TestNobodyToSignOut(t *testing.T) {
	d := sitDown(t)
	for name, cookie := range map[string]string{"no cookie": "", "a junk one": "junk"} {
		b := pagetest.Open(d.Route, cookie)
		got := b.Get(link("client_id", "app", "post_logout_redirect_uri", bye, "state", "s"))
		if got.Status != http.StatusSeeOther || got.Header.Get("Location") != bye+"?state=s" || b.Cookies[websec.SessionCookie] != "" {
			t.Errorf("%s: GET = %d to %q with cookies %v, want 303 to %s?state=s", name, got.Status, got.Header.Get("Location"), b.Cookies, bye)
		}
		signedOut(t, name+", to nowhere", b.Get(link("id_token_hint", d.hint)))
	}
}

// TestOpenRedirect by post_logout_redirect_uri, and Zitadel GHSA-v959-qxv6-6f8p, XSS
// by logout redirect. A URI that is not registered character by character gets a page
// that leads to no other site, and no user is signed out. So does one that is
// registered and leads to a script, or to plain http on a host that is not the user's
// own device.
func TestOpenRedirect(t *testing.T) {
	d := sitDown(t)
	hostile := []string{
		"https://evil.example/", "https://app.example.com", "https://app.example.com/", bye + "/", bye + "?", bye + "?x=1", bye + "#x", bye + "/../bye",
		"https://app.example.com/BYE", "https://APP.example.com/bye", "HTTPS://app.example.com/bye", "http://app.example.com/bye",
		"https://app.example.com:443/bye", "https://app.example.com.evil.example/bye", "https://app.example.com@evil.example/bye",
		"https://evil.example\\@app.example.com/bye", "//app.example.com/bye", "/\\evil.example", "/account", " " + bye, bye + " ", bye + "\r\nSet-Cookie: a=b",
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,<script>alert(1)</script>", "http://localhost.evil.test/",
		"https://other.example.com/", "COM.EXAMPLE.APP:/bye", "\x00" + bye,
	}
	for _, uri := range hostile {
		for name, pairs := range map[string][]string{
			"with a hint":      {"id_token_hint", d.hint},
			"with a client":    {"client_id", "app"},
			"with nothing":     {},
			"with no client":   {"client_id", "nobody"},
			"with a disabled":  {"client_id", "off"},
			"with a forgery":   {"id_token_hint", d.hint + "x"},
			"with a long name": {"client_id", strings.Repeat("x", 3000)},
		} {
			for who, b := range map[string]*pagetest.Browser{"ada": d.Browser, "nobody": pagetest.Open(d.Route, "")} {
				got := b.Get(link(append(slices.Clone(pairs), "post_logout_redirect_uri", uri)...))
				if got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" || !strings.Contains(got.Body, "<h1>") {
					t.Fatalf("%s %s to %q: GET = %d to %q, want a 400 page", who, name, uri, got.Status, got.Header.Get("Location"))
				}
				if strings.Contains(got.Body, "evil.") || strings.Contains(got.Body, "alert(") {
					t.Errorf("%s %s to %q: the page repeats it:\n%s", who, name, uri, got.Body)
				}
			}
		}
	}
	if live := d.Live(d.ada); !live[d.login.ID] || !live[d.grant.ID] {
		t.Errorf("live afterwards: %v, want everything", live)
	}
	// Our own form is judged like a link.
	form := pagetest.Forms(d.Get("/logout").Body)[0]
	form.Set("client_id", "app")
	form.Set("post_logout_redirect_uri", "https://evil.example/")
	if got := d.Post("/logout", form); got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" || !d.Live(d.ada)[d.login.ID] {
		t.Errorf("our form to an address that is not registered = %d to %q, want a 400 page and nothing ended", got.Status, got.Header.Get("Location"))
	}
}

// TestTwoClients: a hint of one client does not lead to another one's address.
func TestTwoClients(t *testing.T) {
	d := sitDown(t)
	for name, path := range map[string]string{
		"client_id beside a hint of another": link("id_token_hint", d.hint, "client_id", "other", "post_logout_redirect_uri", "https://other.example.com/"),
		"the address of another":             link("id_token_hint", d.hint, "post_logout_redirect_uri", "https://other.example.com/"),
		"client_id beside it, to nowhere":    link("id_token_hint", d.hint, "client_id", "other"),
		"a disabled client":                  link("client_id", "off", "post_logout_redirect_uri", bye),
		"a parameter twice":                  link("client_id", "app", "client_id", "other"),
		"an address twice":                   link("client_id", "app", "post_logout_redirect_uri", bye, "post_logout_redirect_uri", bye),
		"a broken escape":                    "/logout?state=%2",
	} {
		r := httptest.NewRequest(http.MethodGet, "/logout", nil)
		_, r.URL.RawQuery, _ = strings.Cut(path, "?")
		r.AddCookie(&http.Cookie{Name: websec.SessionCookie, Value: d.cookie})
		got := routetest.Do(d.Route, r)
		if got.Status != http.StatusBadRequest || got.Header.Get("Location") != "" || !d.Live(d.ada)[d.login.ID] {
			t.Fatalf("%s: GET = %d to %q, want a 400 page and nothing ended", name, got.Status, got.Header.Get("Location"))
		}
	}
}

// TestOldIdIsDead (Keycloak CVE-2025-12390): after a sign-out nothing that the browser
// or the client held is good for the next user at the browser.
func TestOldIdIsDead(t *testing.T) {
	d := sitDown(t)
	d.Get(link("id_token_hint", d.hint))
	eve := d.Person("eve", "Eve")
	login, cookie := d.Login(eve)
	if login.ID == d.login.ID || cookie == d.cookie {
		t.Fatal("the next sign-in has the id of the last one")
	}
	if _, err := d.Sessions().LoginByCookie(context.Background(), d.cookie); err == nil {
		t.Error("the old cookie is good after the sign-out")
	}
	next := pagetest.Open(d.Route, cookie)
	d.ada, d.login = eve, login
	d.asks(t, "the id token of the last person", next.Get(link("id_token_hint", d.hint)))
	old := pagetest.Open(d.Route, d.cookie)
	signedOut(t, "the old cookie", old.Get("/logout"))
}

// FuzzLogout: no bytes from outside sign a user out, and a browser is sent to a
// registered address or stays.
func FuzzLogout(f *testing.F) {
	d := sitDown(f)
	for _, seed := range []string{
		"", "client_id=app&post_logout_redirect_uri=" + url.QueryEscape(bye) + "&state=s", "id_token_hint=a.b.c", "client_id=app&client_id=app",
		"post_logout_redirect_uri=javascript:alert(1)&client_id=app", "state=%0d%0aLocation:%20https://evil.example", "%", "client_id=%00",
		"id_token_hint=" + strings.Repeat("eyJ.", 3) + "&post_logout_redirect_uri=//evil.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/logout", nil)
		r.URL.RawQuery = query
		got := routetest.Do(d.Route, r)
		location := got.Header.Get("Location")
		there := location == "" || location == "/logout"
		for _, registered := range []string{bye, bye + "?lang=en", "com.example.app:/bye"} {
			there = there || location == registered || strings.HasPrefix(location, registered+"?state=") || strings.HasPrefix(location, registered+"&state=")
		}
		if !there || got.Status >= 500 {
			t.Errorf("GET /logout?%s = %d to %q", query, got.Status, location)
		}
	})
}
