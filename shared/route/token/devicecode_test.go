package token_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

func TestDeviceCode(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID, nil)
	pending := l.expect("at first", asking(tvID, codes), oauth.AuthorizationPending)
	if pending.Header.Get("Cache-Control") != "no-store" || pending.Text("error_description") == "" {
		t.Errorf("answer = %v %s, want no-store and a description", pending.Header, pending.Body)
	}
	l.Pass(time.Second)
	l.expect("too early", asking(tvID, codes), oauth.SlowDown)
	l.expect("still too early", asking(tvID, codes), oauth.SlowDown)
	l.Pass(9 * time.Second)
	l.expect("after the longer wait", asking(tvID, codes), oauth.AuthorizationPending)
	l.Pass(10 * time.Second)
	l.expect("after the longer wait again", asking(tvID, codes), oauth.AuthorizationPending)
	l.approve(codes)
	got := l.expect("approved", asking(tvID, codes), "")
	if got.Text("token_type") != "Bearer" || got.Text("scope") != "offline_access openid orders:read orders:write" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answer = %s %v, want all that was granted, for nobody to store", got.Body, got.Header)
	}
	access, id := routetest.Claims(t, got.Text("access_token")), routetest.Claims(t, got.Text("id_token"))
	if aud, _ := access["aud"].([]any); !slices.Equal(aud, []any{routetest.Orders, routetest.Issuer + "/userinfo"}) || access["sub"] != l.Ada || access["client_id"] != tvID {
		t.Errorf("access token = %v, want one of ada for orders and userinfo", access)
	}
	if id["sub"] != l.Ada || id["aud"] != tvID || id["sid"] != access["sid"] || id["auth_time"] != float64(l.login.AuthTime.Unix()) || id["nonce"] != nil || id["acr"] != "aal1" {
		t.Errorf("id token = %v, want the sign-in in which it was approved", id)
	}
	g, err := l.Sessions().Grant(t.Context(), l.Ada, access["sid"].(string))
	if err != nil || g.Client != tvID || g.Login != "" || g.Bound || g.IP != "203.0.113.0/24" {
		t.Errorf("grant = %+v, %v, want one of its own, from where the device is", g, err)
	}
	l.expect("once more", asking(tvID, codes), oauth.InvalidGrant)
	l.live(t, 1)
	if next := routetest.Do(l.route, l.refresh(tvID, got.Text("refresh_token"))); next.Status != 200 {
		t.Errorf("refresh = %d %s, want 200", next.Status, next.Body)
	}
	log := l.Log.String()
	if strings.Contains(log, codes.Device) || strings.Contains(log, "tsv_") || strings.Contains(log, string(codes.User)) || strings.Contains(log, codes.User.String()) {
		t.Error("the log holds a code")
	}
	if !strings.Contains(log, g.ID) || !strings.Contains(log, `"sub":"`+l.Ada+`"`) {
		t.Errorf("log = %s, want who it was about", log)
	}
}

func TestRefusedPolls(t *testing.T) {
	l := newLiving(t)
	expired := l.start(tvID, nil)
	l.Pass(device.Life)
	denied := l.start(tvID, nil)
	if err := l.devices().Deny(t.Context(), l.find(denied), l.by(), ""); err != nil {
		t.Fatal(err)
	}
	open := l.start(tvID, nil)
	stranger := &device.Codes{Device: opaque.Write(opaque.DeviceCode, make([]byte, 32))}
	tests := []struct {
		name    string
		request *http.Request
		status  int
		code    oauth.Code
	}{
		{"denied", asking(tvID, denied), 400, oauth.AccessDenied},
		{"expired", asking(tvID, expired), 400, oauth.ExpiredToken},
		{"no code", asking(tvID, open, "device_code", ""), 400, oauth.InvalidRequest},
		{"made-up code", asking(tvID, stranger), 400, oauth.InvalidGrant},
		{"the user code", asking(tvID, open, "device_code", open.User.String()), 400, oauth.InvalidGrant},
		{"code cut", asking(tvID, open, "device_code", open.Device[:40]), 400, oauth.InvalidGrant},
		{"code in upper case", asking(tvID, open, "device_code", strings.ToUpper(open.Device)), 400, oauth.InvalidGrant},
		{"as an authorization code", asking(tvID, open, "grant_type", oauth.GrantAuthorizationCode, "code", open.Device), 400, oauth.UnauthorizedClient},
		{"a client without the grant", asking(appID, open), 400, oauth.UnauthorizedClient},
		{"no client", asking("", open, "client_id", ""), 401, oauth.InvalidClient},
		{"a client that is none", asking("nobody", open), 401, oauth.InvalidClient},
		{"a client without its secret", asking(consoleID, open), 401, oauth.InvalidClient},
		{"a client without its proof", asking(vaultID, open), 400, oauth.InvalidDPoPProof},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(l.route, tt.request)
			if got.Status != tt.status || got.Error() != string(tt.code) {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
		})
	}
	inURL := asking(tvID, open, "device_code", "")
	inURL.URL.RawQuery = "device_code=" + open.Device
	l.expect("code in the URL", inURL, oauth.InvalidRequest)
	l.live(t, 0)
	l.expect("the open one afterwards", asking(tvID, open), oauth.AuthorizationPending)
}

// SECURITY.md: Zitadel GHSA-xqxv-4jc2-x56x. Client B with A's device code gets
// nothing, whatever has become of it, and A's still works.
func TestDeviceCodeIsItsClients(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID, nil)
	asConsole := func() *http.Request {
		r := asking("", codes, "client_id", "")
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(consoleID+":"+l.console)))
		return r
	}
	l.expect("B, pending", asking(radioID, codes), oauth.InvalidGrant)
	l.expect("B with a secret, pending", asConsole(), oauth.InvalidGrant)
	l.expect("A, pending", asking(tvID, codes), oauth.AuthorizationPending)
	l.approve(codes)
	l.expect("B, approved", asking(radioID, codes), oauth.InvalidGrant)
	l.expect("B with a secret, approved", asConsole(), oauth.InvalidGrant)
	l.live(t, 0)
	l.expect("A, approved", asking(tvID, codes), "")
	l.live(t, 1)
}

// SECURITY.md: Keycloak CVE-2026-16103 and -9798. A change between approval and poll
// counts.
func TestBetweenApprovalAndPoll(t *testing.T) {
	offline := func(n *device.NewRequest) { n.Scope = "openid offline_access orders:read" }
	online := func(n *device.NewRequest) { n.Scope = "openid orders:read" }
	logOut := func(l *living) {
		if _, err := l.Sessions().EndLogin(l.T.Context(), l.Ada, l.login.ID, session.Cause{Why: session.LoggedOut, Actor: l.Ada}); err != nil {
			l.T.Fatal(err)
		}
	}
	endAll := func(l *living) {
		if _, err := l.Sessions().EndAll(l.T.Context(), l.Ada, session.Cause{Why: session.Revoked, Actor: l.Ada}); err != nil {
			l.T.Fatal(err)
		}
	}
	disable := func(l *living) {
		change := admin.Disabled()
		if _, err := l.Sessions().ChangeUser(l.T.Context(), l.Ada, change, session.Cause{Why: session.Disabled, Actor: "op"}); err != nil {
			l.T.Fatal(err)
		}
	}
	change := func(change func(*client.Client)) func(*living) {
		return func(l *living) {
			c := l.Client(tvID)
			c.Grants, c.Identity = []string{oauth.GrantDeviceCode, oauth.GrantRefreshToken}, oauth.IdentityScopes
			change(&c)
			l.Register(c)
		}
	}
	tests := []struct {
		name   string
		asked  func(*device.NewRequest)
		happen func(*living)
		want   oauth.Code
	}{
		{"nothing", online, func(*living) {}, ""},
		{"the user is disabled", offline, disable, oauth.InvalidGrant},
		{"the user is disabled, online", online, disable, oauth.InvalidGrant},
		{"the user signs out everywhere", offline, endAll, oauth.InvalidGrant},
		{"the user signs out, online", online, logOut, oauth.InvalidGrant},
		{"the user signs out, offline", offline, logOut, ""},
		{"the client is disabled", offline, change(func(c *client.Client) { c.Disabled = true }), oauth.InvalidClient},
		{"the client loses the grant", offline, change(func(c *client.Client) { c.Grants = nil }), oauth.UnauthorizedClient},
		{"the client loses its access", online, change(func(c *client.Client) { c.Access, c.Identity = nil, nil }), oauth.InvalidGrant},
		{"ten minutes pass", offline, func(l *living) { l.Pass(device.Life) }, oauth.ExpiredToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLiving(t)
			codes := l.approve(l.start(tvID, tt.asked))
			tt.happen(l)
			for range 2 { // and it stays like that
				got := routetest.Do(l.fresh(), asking(tvID, codes))
				if got.Error() != string(tt.want) || (got.Status == 200) != (tt.want == "") {
					t.Errorf("answer = %d %s, want %q", got.Status, got.Body, tt.want)
				}
				if tt.want == "" {
					l.live(t, 1)
					return
				}
			}
			l.live(t, 0)
		})
	}
}

// Of polls at the same time one gets tokens, and they stay good: a device that polls
// twice is no attacker.
func TestParallelPolls(t *testing.T) {
	for _, n := range []int{4, 16} {
		l := newLiving(t)
		codes := l.approve(l.start(tvID, nil))
		answers := make([]routetest.Answer, n)
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range n {
			all.Go(func() {
				<-start
				answers[i] = routetest.Do(l.route, asking(tvID, codes))
			})
		}
		close(start)
		all.Wait()
		var given []routetest.Answer
		for _, a := range answers {
			switch {
			case a.Status == 200:
				given = append(given, a)
			case a.Error() != "invalid_grant" && a.Error() != "temporarily_unavailable" && a.Error() != "authorization_pending":
				t.Errorf("answer = %d %s, want tokens or a refusal", a.Status, a.Body)
			}
		}
		if len(given) != 1 {
			t.Fatalf("%d of %d polls got tokens, want 1", len(given), n)
		}
		l.live(t, 1)
		if got := routetest.Do(l.route, l.refresh(tvID, given[0].Text("refresh_token"))); got.Status != 200 {
			t.Errorf("refresh = %d %s, want 200", got.Status, got.Body)
		}
	}
}

// Each case is a client and the tokens that its device gets.
func TestWhatADeviceGets(t *testing.T) {
	l := newLiving(t)
	online := l.approve(l.start(tvID, func(n *device.NewRequest) { n.Scope = "orders:read" }))
	got := l.expect("online", asking(tvID, online), "")
	g, err := l.Sessions().Grant(t.Context(), l.Ada, routetest.Claims(t, got.Text("access_token"))["sid"].(string))
	if err != nil || g.Login != l.login.ID || !g.Absolute.Equal(l.login.Absolute) || got.JSON["id_token"] != nil {
		t.Errorf("grant = %+v, %v, want one that ends with the login, and no id token", g, err)
	}
	both := func(n *device.NewRequest) {
		n.Scope, n.Audience = "openid orders:read billing:read", []string{routetest.Orders, routetest.Billing}
	}
	codes := l.approve(l.start(tvID, both))
	l.expect("a resource that was not asked for", asking(tvID, codes, "resource", routetest.Issuer+"/api"), oauth.InvalidTarget)
	l.expect("a resource that is none", asking(tvID, codes, "resource", "https://evil.example"), oauth.InvalidTarget)
	got = l.expect("the second resource", asking(tvID, codes, "resource", routetest.Billing), "")
	if access := routetest.Claims(t, got.Text("access_token")); access["aud"] != routetest.Billing || got.Text("scope") != "billing:read" {
		t.Errorf("access token = %v, want one for billing", access)
	}
	got = l.expect("without refresh tokens", asking(lampID, l.approve(l.start(lampID, nil))), "")
	g, err = l.Sessions().Grant(t.Context(), l.Ada, routetest.Claims(t, got.Text("access_token"))["sid"].(string))
	if err != nil || got.JSON["refresh_token"] != nil || g.Absolute.Sub(l.Time) > 5*time.Minute {
		t.Errorf("grant = %+v, %v, answer %s: want no refresh token, and a grant of one access token", g, err, got.Body)
	}
	r := asking("", l.approve(l.start(consoleID, nil)), "client_id", "")
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(consoleID+":"+l.console)))
	got = l.expect("with a secret", r, "")
	g, err = l.Sessions().Grant(t.Context(), l.Ada, routetest.Claims(t, got.Text("access_token"))["sid"].(string))
	if err != nil || !g.Bound || !g.Notify {
		t.Errorf("grant = %+v, %v, want it bound to the secret, and the client told of its end", g, err)
	}
}
