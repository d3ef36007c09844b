package token_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

func TestAuthorizationCode(t *testing.T) {
	s := newSignIn(t)
	s.Pass(20 * time.Second)
	got := s.redeem(s.code(appID, nil))
	if got.Status != 200 || got.Text("token_type") != "Bearer" || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Pragma") != "no-cache" {
		t.Fatalf("answer = %d %s %v, want Bearer tokens that nobody stores", got.Status, got.Body, got.Header)
	}
	if scope := got.Text("scope"); scope != "offline_access openid orders:read orders:write" {
		t.Errorf("scope = %q, want all that was granted", scope)
	}
	access, id := routetest.Claims(t, got.Text("access_token")), routetest.Claims(t, got.Text("id_token"))
	if aud, _ := access["aud"].([]any); !slices.Equal(aud, []any{routetest.Orders, routetest.Issuer + "/userinfo"}) || access["sub"] != s.Ada ||
		access["client_id"] != appID || access["acr"] != "aal1" || access["cnf"] != nil {
		t.Errorf("access token = %v, want one for orders and userinfo", access)
	}
	sum := sha256.Sum256([]byte(got.Text("access_token")))
	want := map[string]any{
		"iss": routetest.Issuer, "aud": appID, "azp": appID, "sub": s.Ada, "nonce": "n-0S6_WzA2Mj", "acr": "aal1", "sid": access["sid"],
		"auth_time": float64(s.login.AuthTime.Unix()), "iat": float64(s.Time.Unix()), "exp": float64(s.Time.Add(5 * time.Minute).Unix()),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
	for name, value := range want {
		if id[name] != value {
			t.Errorf("claim %s of the id token = %v, want %v", name, id[name], value)
		}
	}
	g, err := s.Sessions().Grant(t.Context(), s.Ada, access["sid"].(string))
	if err != nil || g.Client != appID || g.Login != "" || g.Bound || g.Notify {
		t.Errorf("grant = %+v, %v, want one that goes on without the login", g, err)
	}
	next := routetest.Do(s.route, s.refresh(appID, got.Text("refresh_token")))
	again := routetest.Claims(t, next.Text("id_token"))
	if next.Status != 200 || again["nonce"] != nil || again["sub"] != s.Ada || again["sid"] != access["sid"] || again["auth_time"] != id["auth_time"] {
		t.Errorf("refresh = %d %s, want an id token of the same sign-in without nonce", next.Status, next.Body)
	}
	log := s.Log.String()
	for _, secret := range []string{"tsc_", "tsr_", verifier, got.Text("access_token"), got.Text("id_token")} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log, `"sub":"`+s.Ada+`"`) || !strings.Contains(log, `"grant":"authorization_code"`) {
		t.Errorf("log = %s, want who it was about", log)
	}
}

// Each case is a client, a code, and the tokens that it gives.
func TestWhatACodeGives(t *testing.T) {
	s := newSignIn(t)
	tests := []struct {
		name, client, scope  string
		resources            []string
		ask                  []string
		granted              string
		audience             any
		refresh, id, offline bool
	}{
		{
			name: "no identity", client: appID, scope: "offline_access orders:read", resources: []string{routetest.Orders},
			granted: "offline_access orders:read", audience: routetest.Orders, refresh: true, offline: true,
		},
		{
			name: "nothing but identity", client: appID, scope: "openid email",
			granted: "email openid", audience: routetest.Issuer + "/userinfo", refresh: true, id: true,
		},
		{
			name: "a resource is named", client: appID, scope: "openid orders:read", resources: []string{routetest.Orders},
			ask: []string{"resource", routetest.Orders + "/"}, granted: "orders:read", audience: routetest.Orders, refresh: true, id: true,
		},
		{
			name: "the second resource is named", client: appID, scope: "orders:read billing:read", resources: []string{routetest.Orders, routetest.Billing},
			ask: []string{"resource", routetest.Billing}, granted: "billing:read", audience: routetest.Billing, refresh: true,
		},
		{
			name: "userinfo is named", client: appID, scope: "openid orders:read", resources: []string{routetest.Orders},
			ask: []string{"resource", routetest.Issuer + "/userinfo"}, granted: "openid", audience: routetest.Issuer + "/userinfo", refresh: true, id: true,
		},
		{
			name: "a client that cannot refresh", client: onceID, scope: "openid", granted: "openid",
			audience: routetest.Issuer + "/userinfo", id: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code := s.code(tt.client, func(c *session.Code) { c.Scope, c.Audience = tt.scope, tt.resources })
			got := s.redeem(code, append(tt.ask, "client_id", tt.client)...)
			if got.Status != 200 || got.Text("scope") != tt.granted {
				t.Fatalf("answer = %d %s, want scope %q", got.Status, got.Body, tt.granted)
			}
			_, refresh := got.JSON["refresh_token"]
			_, id := got.JSON["id_token"]
			if refresh != tt.refresh || id != tt.id {
				t.Errorf("answer %s: refresh token %v, id token %v, want %v, %v", got.Body, refresh, id, tt.refresh, tt.id)
			}
			access := routetest.Claims(t, got.Text("access_token"))
			if access["aud"] != tt.audience {
				t.Errorf("aud = %v, want %v", access["aud"], tt.audience)
			}
			g, err := s.Sessions().Grant(t.Context(), s.Ada, access["sid"].(string))
			if err != nil || (g.Login == "") != tt.offline {
				t.Errorf("grant = %+v, %v, want it to hang on the login unless offline", g, err)
			}
			if life := g.Absolute.Sub(s.Time); !tt.refresh && life > 5*time.Minute {
				t.Errorf("the grant lives for %v, want no longer than its access token", life)
			}
		})
	}
}

// A confidential client has its ID tokens signed with the registered algorithm, and is
// notified of the end.
func TestConfidentialClient(t *testing.T) {
	s := newSignIn(t)
	code := s.code(serverID, nil)
	for name, r := range map[string]*http.Request{
		"no secret":     request(code, "client_id", serverID),
		"a wrong one":   request(code, "client_id", serverID, "client_secret", verifier),
		"an empty one":  request(code, "client_id", serverID, "client_secret", ""),
		"somebody else": s.asServer(request(code, "client_id", appID)),
	} {
		if got := routetest.Do(s.route, r); got.Status != 401 && got.Error() != "invalid_request" {
			t.Errorf("%s: answer = %d %s, want a refusal", name, got.Status, got.Body)
		}
	}
	got := routetest.Do(s.route, s.asServer(request(code, "client_id", "")))
	if got.Status != 200 {
		t.Fatalf("answer = %d %s, want 200", got.Status, got.Body)
	}
	if head, _, _ := strings.Cut(got.Text("id_token"), "."); !strings.Contains(decoded(t, head), `"alg":"RS256"`) {
		t.Errorf("id token header = %s, want RS256", decoded(t, head))
	}
	g, err := s.Sessions().Grant(t.Context(), s.Ada, routetest.Claims(t, got.Text("access_token"))["sid"].(string))
	if err != nil || !g.Bound || !g.Notify {
		t.Errorf("grant = %+v, %v, want it bound to the secret, and the client told of its end", g, err)
	}
}

func decoded(t *testing.T, part string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// An exchange is one transaction, and a refresh one write. A forged or wrong request
// costs no call.
func TestCalls(t *testing.T) {
	s := newSignIn(t)
	count := s.Count()
	s.route = s.fresh()
	if got := s.redeem(s.code(appID, nil)); got.Status != 200 {
		t.Fatalf("answer = %d %s, want 200", got.Status, got.Body)
	}
	if got, want := strings.Join(count.Calls, " "), "GetItem GetItem TransactWriteItems"; got != want {
		t.Errorf("the first exchange took %s, want %s: client and resource are read once", got, want)
	}
	var refresh string
	prover := s.Prover()
	tests := []struct {
		name    string
		request func() *http.Request
		calls   string
	}{
		{"exchange", func() *http.Request { return request(s.code(appID, nil)) }, "TransactWriteItems"},
		{"refresh", func() *http.Request { return s.refresh(appID, refresh) }, "UpdateItem"},
		{"refresh with a proof", func() *http.Request { return prover.Prove(s.refresh(appID, refresh), "/token") }, "UpdateItem UpdateItem"},
		{"exchange with a proof", func() *http.Request { return prover.Prove(request(s.code(appID, nil)), "/token") }, "UpdateItem TransactWriteItems"},
		{"forged code", func() *http.Request { return request("tsc_forged") }, ""},
		{"wrong verifier", func() *http.Request { return request(s.code(appID, nil), "code_verifier", strings.Repeat("a", 43)) }, ""},
		{"wrong verifier with a proof", func() *http.Request {
			return prover.Prove(request(s.code(appID, nil), "code_verifier", strings.Repeat("a", 43)), "/token")
		}, ""},
	}
	for _, tt := range tests {
		r := tt.request()
		count.Calls = nil
		got := routetest.Do(s.route, r)
		if calls := strings.Join(count.Calls, " "); calls != tt.calls || (got.Status == 200) != (tt.calls != "") {
			t.Errorf("%s: %d %s took %q, want %q", tt.name, got.Status, got.Body, calls, tt.calls)
		}
		if next := got.Text("refresh_token"); next != "" {
			refresh = next
		}
	}
}
