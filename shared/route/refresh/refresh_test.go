package refresh_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/refresh"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
)

func route(h *routetest.Home) http.Handler {
	return h.Route(contract.Refresh, &refresh.Handler{Auth: h.Auth(), Issue: h.Issuer()})
}

// page returns the request of a page of Web: no body, the cookie, its origin, the
// header.
func page(cookie string, change ...string) *http.Request {
	r := routetest.Form("/refresh?client_id="+routetest.Web, nil)
	r.Header.Del("Content-Type")
	r.Header.Set("Origin", routetest.App)
	r.Header.Set("X-Session-Refresh", "1")
	if cookie != "" {
		r.Header.Set("Cookie", websec.RefreshCookie+"="+cookie)
	}
	for ; len(change) > 0; change = change[2:] {
		r.Header.Set(change[0], change[1])
		if change[1] == "" {
			r.Header.Del(change[0])
		}
	}
	return r
}

func cookieOf(clientID string, begun *issue.Issued) string {
	return clientID + "." + begun.RefreshToken
}

// kept fails unless the answer leaves the cookie unchanged.
func kept(t *testing.T, a routetest.Answer) {
	t.Helper()
	if c := a.Cookie(websec.RefreshCookie); c != nil {
		t.Errorf("answer %d %s sets the cookie to %q, want it left alone", a.Status, a.Body, c)
	}
}

func TestAPageGoesOn(t *testing.T) {
	h := routetest.Furnish(t)
	begun := h.Grant(routetest.Web, h.Ada)
	h.Pass(time.Hour)
	got := routetest.Do(route(h), page(cookieOf(routetest.Web, begun)))
	set := got.Cookie(websec.RefreshCookie)
	if got.Status != 200 || set == nil {
		t.Fatalf("answer = %d %s, want 200 with a cookie", got.Status, got.Body)
	}
	absolute := begun.Grant.Absolute
	if want := int(absolute.Sub(h.Time) / time.Second); set.MaxAge != want || set.SameSite != http.SameSiteStrictMode || !set.HttpOnly || !set.Secure {
		t.Errorf("cookie = %v, want one for %d seconds, strict, secure, hidden", set, want)
	}
	if strings.Contains(got.Body, "refresh_token") || strings.Contains(got.Body, "tsr_") {
		t.Errorf("body %s holds the refresh token", got.Body)
	}
	times, _ := got.JSON["session"].(map[string]any)
	if times["expires_at"] != float64(absolute.Unix()) || times["idle_expires_at"] != float64(h.Time.Add(14*24*time.Hour).Unix()) {
		t.Errorf("session = %v, want the end of the grant and two idle weeks", times)
	}
	c := routetest.Claims(t, got.Text("access_token"))
	if c["sub"] != h.Ada || c["sid"] != begun.Grant.ID || c["client_id"] != routetest.Web || c["auth_time"] != float64(begun.Grant.AuthTime.Unix()) {
		t.Errorf("claims = %v, want those of the grant", c)
	}
	if got.Header.Get("Access-Control-Allow-Origin") != routetest.App || got.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("headers = %v, want the page to be allowed to read", got.Header)
	}
	if again := routetest.Do(route(h), page(set.Value)); again.Status != 200 {
		t.Errorf("with the new cookie = %d %s, want 200", again.Status, again.Body)
	}
	if log := h.Log.String(); !strings.Contains(log, `"outcome":"rotated"`) || !strings.Contains(log, `"sid":"`+begun.Grant.ID+`"`) || strings.Contains(log, "tsr_") {
		t.Errorf("log = %s, want the outcome and the grant, and no token", log)
	}
}

// Two tabs ask at once with one cookie: both go on, with the same next one.
func TestTwoTabs(t *testing.T) {
	h := routetest.Furnish(t)
	cookie := cookieOf(routetest.Web, h.Grant(routetest.Web, h.Ada))
	first, second := routetest.Do(route(h), page(cookie)), routetest.Do(route(h), page(cookie))
	a, b := first.Cookie(websec.RefreshCookie), second.Cookie(websec.RefreshCookie)
	if first.Status != 200 || second.Status != 200 || a.Value != b.Value || a.Value == cookie {
		t.Errorf("answers = %d %v, %d %v, want the same new cookie", first.Status, a, second.Status, b)
	}
	if log := h.Log.String(); !strings.Contains(log, `"outcome":"replayed"`) || !strings.Contains(log, `"Replayed":1`) {
		t.Errorf("log = %s, want a replay", log)
	}
}

// A request that was not sent by the page itself is refused before the cookie is
// looked at, and the session goes on.
func TestOnlyThePageItself(t *testing.T) {
	h := routetest.Furnish(t)
	cookie := cookieOf(routetest.Web, h.Grant(routetest.Web, h.Ada))
	tests := []struct {
		name    string
		request *http.Request
	}{
		{"no header", page(cookie, "X-Session-Refresh", "")},
		{"another value", page(cookie, "X-Session-Refresh", "true")},
		{"no origin", page(cookie, "Origin", "")},
		{"another site", page(cookie, "Origin", "https://evil.example")},
		{"a hidden origin", page(cookie, "Origin", "null")},
		{"the page of another client", page(cookie, "Origin", routetest.OtherApp)},
		{"ourselves", page(cookie, "Origin", routetest.Issuer)},
		{"without a cookie, from another site", page("", "Origin", "https://evil.example")},
		{"with the cookie of a client that is none", page("nobody.tsr_x", "Origin", "https://evil.example")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(route(h), tt.request)
			if got.Status != 403 || got.Error() != "invalid_request" {
				t.Errorf("answer = %d %s, want 403 invalid_request", got.Status, got.Body)
			}
			kept(t, got)
		})
	}
	if got := routetest.Do(route(h), page(cookie)); got.Status != 200 || !strings.Contains(h.Log.String(), "rotated") {
		t.Errorf("afterwards = %d %s, want the session as it was", got.Status, got.Body)
	}
}

// The answer clears the cookie when the session is over, and in no other case.
func TestThePageIsSignedOut(t *testing.T) {
	h := routetest.Furnish(t)
	fresh := func() (string, *session.Grant) {
		begun := h.Grant(routetest.Web, h.Ada)
		return cookieOf(routetest.Web, begun), begun.Grant
	}
	ended, g := fresh()
	if err := h.Sessions().End(t.Context(), h.Ada, g.ID, session.Cause{Why: session.Revoked}); err != nil {
		t.Fatal(err)
	}
	good, _ := fresh()
	other := h.Grant(routetest.OtherWeb, h.Ada)
	tests := []struct {
		name, cookie string
		cleared      bool
	}{
		{"never signed in", "", false},
		{"another client's session", cookieOf(routetest.OtherWeb, other), false},
		{"another client's token under our name", cookieOf(routetest.Web, other), true},
		{"ended", ended, true},
		{"cut", good[:len(good)-1], true},
		{"in other case", routetest.Web + "." + strings.ToUpper(good[len(routetest.Web)+1:]), true},
		{"junk", routetest.Web + ".junk", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(route(h), page(tt.cookie))
			if got.Status != 401 || got.Error() != "invalid_grant" || got.Header.Get("WWW-Authenticate") != "" {
				t.Fatalf("answer = %d %s %v, want 401 invalid_grant", got.Status, got.Body, got.Header)
			}
			if got.Header.Get("Access-Control-Allow-Origin") != routetest.App {
				t.Error("the page may not read that it is signed out")
			}
			if !tt.cleared {
				kept(t, got)
				return
			}
			if c := got.Cookie(websec.RefreshCookie); c == nil || c.MaxAge >= 0 || c.Value != "" {
				t.Errorf("cookie = %v, want it deleted", c)
			}
		})
	}
	if got := routetest.Do(route(h), page(good)); got.Status != 200 {
		t.Errorf("the good cookie afterwards = %d %s, want 200", got.Status, got.Body)
	}
	if got := routetest.Do(route(h), page(cookieOf(routetest.OtherWeb, other), "Origin", routetest.OtherApp)); got.Status != 403 {
		t.Errorf("the other page under the first one's name = %d, want 403", got.Status)
	}
}

// Without the client in the URL, a page on our own site is known by its cookie.
func TestClientOfTheCookie(t *testing.T) {
	h := routetest.Furnish(t)
	r := page(cookieOf(routetest.Web, h.Grant(routetest.Web, h.Ada)))
	r.URL.RawQuery = ""
	got := routetest.Do(route(h), r)
	if got.Status != 200 || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("answer = %d %v, want 200 that no other origin reads", got.Status, got.Header)
	}
}

// When an attacker uses the token after its client has refreshed, both lose the
// session, and the audit trail records it.
func TestTheftIsNoticed(t *testing.T) {
	h := routetest.Furnish(t)
	stolen := cookieOf(routetest.Web, h.Grant(routetest.Web, h.Ada))
	owner := routetest.Do(route(h), page(stolen)).Cookie(websec.RefreshCookie).Value
	h.Pass(31 * time.Second)
	before := h.Entries(session.ActionEndGrant)
	if got := routetest.Do(route(h), page(stolen)); got.Status != 401 || got.Cookie(websec.RefreshCookie).MaxAge >= 0 {
		t.Errorf("thief = %d %s, want 401 and no cookie", got.Status, got.Body)
	}
	if got := routetest.Do(route(h), page(owner)); got.Status != 401 {
		t.Errorf("owner = %d %s, want 401: nobody knows who is who", got.Status, got.Body)
	}
	if after := h.Entries(session.ActionEndGrant); after != before+1 {
		t.Errorf("the trail has %d entries more, want 1", after-before)
	}
	if log := h.Log.String(); !strings.Contains(log, `"Reused":1`) || !strings.Contains(log, `"outcome":"reused"`) {
		t.Errorf("log = %s, want the reuse counted", log)
	}
}

// An outage of the table ends no session.
func TestOutageKeepsTheCookie(t *testing.T) {
	h := routetest.Furnish(t)
	cookie := cookieOf(routetest.Web, h.Grant(routetest.Web, h.Ada))
	issuer := h.Issuer()
	issuer.Sessions.Sessions = "no-such-table"
	down := h.Route(contract.Refresh, &refresh.Handler{Auth: h.Auth(), Issue: issuer})
	got := routetest.Do(down, page(cookie))
	if got.Status != 503 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("answer = %d %s, want 503 temporarily_unavailable", got.Status, got.Body)
	}
	kept(t, got)
	if got := routetest.Do(route(h), page(cookie)); got.Status != 200 {
		t.Errorf("afterwards = %d %s, want 200", got.Status, got.Body)
	}
}

// A form gets the answer of POST /token, byte for byte, except for the values that are
// new in every answer.
func TestAClientGetsWhatTokenAnswers(t *testing.T) {
	h := routetest.Furnish(t)
	tokenRoute := h.Route(contract.Token, &token.Handler{Auth: h.Auth(), Issue: h.Issuer()})
	backend := "Basic " + base64.StdEncoding.EncodeToString([]byte(routetest.Backend+":"+h.Secret))
	tests := []struct {
		name, authorization string
		form                url.Values
		token               bool // gets one
	}{
		{"public client", "", url.Values{"client_id": {routetest.Phone}, "refresh_token": {h.Grant(routetest.Phone, h.Ada).RefreshToken}}, true},
		{"client with a secret", backend, url.Values{"refresh_token": {h.Grant(routetest.Backend, h.Ada).RefreshToken}}, true},
		{"narrower", "", url.Values{"client_id": {routetest.Phone}, "scope": {"orders:read"}, "resource": {routetest.Orders}, "refresh_token": {h.Grant(routetest.Phone, h.Ada).RefreshToken}}, true},
		{"wider", "", url.Values{"client_id": {routetest.Phone}, "scope": {"orders:delete"}, "refresh_token": {h.Grant(routetest.Phone, h.Ada).RefreshToken}}, false},
		{"forged", "", url.Values{"client_id": {routetest.Phone}, "refresh_token": {"tsr_forged"}}, false},
		{"empty", "", url.Values{"client_id": {routetest.Phone}, "refresh_token": {""}}, false},
		{"nobody", "", url.Values{"refresh_token": {"tsr_x"}}, false},
		{"wrong secret", "Basic " + base64.StdEncoding.EncodeToString([]byte(routetest.Backend+":x")), url.Values{"refresh_token": {"tsr_x"}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.form.Set("grant_type", "refresh_token")
			ask := func(route http.Handler) routetest.Answer {
				r := routetest.Form("/", tt.form)
				if tt.authorization != "" {
					r.Header.Set("Authorization", tt.authorization)
				}
				return routetest.Do(route, r)
			}
			a, b := ask(tokenRoute), ask(route(h))
			if a.Status != b.Status || (a.Status == 200) != tt.token || masked(a) != masked(b) {
				t.Errorf("/token = %d %s\n/refresh = %d %s, want the same", a.Status, a.Body, b.Status, b.Body)
			}
			if a.Text("refresh_token") != b.Text("refresh_token") {
				t.Error("the two routes gave different refresh tokens for one")
			}
			if strings.Contains(strings.Join(b.Header.Values("Set-Cookie"), ""), websec.RefreshCookie) {
				t.Error("a client that sent a form got a cookie")
			}
		})
	}
}

// masked returns a body without the access token, which is new in each answer, and its
// lifetime, which varies a little.
func masked(a routetest.Answer) string {
	body := a.Body
	if access := a.Text("access_token"); access != "" {
		body = strings.Replace(body, access, "…", 1)
	}
	if _, rest, ok := strings.Cut(body, `"expires_in":`); ok {
		digits := rest[:strings.IndexAny(rest, ",}")]
		body = strings.Replace(body, `"expires_in":`+digits, `"expires_in":n`, 1)
	}
	return body
}

// A proof is good for one URL: a proof for POST /token is refused here.
func TestKeyAtRefresh(t *testing.T) {
	h := routetest.Furnish(t)
	prover := h.Prover()
	presented := h.Grant(routetest.Phone, h.Ada).RefreshToken
	ask := func(path string) routetest.Answer {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {routetest.Phone}, "refresh_token": {presented}}
		return routetest.Do(route(h), prover.Prove(routetest.Form("/refresh", form), path))
	}
	if got := ask("/token"); got.Status != 400 || got.Error() != "invalid_dpop_proof" {
		t.Errorf("with a proof for /token = %d %s, want 400 invalid_dpop_proof", got.Status, got.Body)
	}
	got := ask("/refresh")
	cnf, _ := routetest.Claims(t, got.Text("access_token"))["cnf"].(map[string]any)
	if got.Status != 200 || got.Text("token_type") != "DPoP" || cnf["jkt"] != prover.JKT {
		t.Errorf("with a proof for /refresh = %d %s, want a token bound to the key", got.Status, got.Body)
	}
}
