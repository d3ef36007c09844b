package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// document is the client metadata document of a third-party client.
const document = `{
	"client_id": "https://tools-client.example/client.json", "client_name": "Tools",
	"redirect_uris": ["https://tools-client.example/callback", "http://127.0.0.1/callback"],
	"grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
	"token_endpoint_auth_method": "none"
}`

// tools is a client that no operator registered, and its authorization request.
func tools(id string) (signer, url.Values) {
	return signer{id, "", "http://127.0.0.1:50505/callback"},
		url.Values{"scope": {"openid offline_access " + target.toolsScope}, "resource": {target.toolsResource}}
}

// TestLocalDocumentClient: a client with the URL of its metadata document as its id
// works at every endpoint.
func TestLocalDocumentClient(t *testing.T) {
	local(t)
	s, wish := tools(target.documentID)
	push := request{method: "POST", path: "/par", form: s.asked(wish)}.do(t)
	if push.status != http.StatusCreated {
		t.Fatalf("push = %d %s, want 201", push.status, push.body)
	}
	begun := s.signedIn(t, someone(), wish)
	next := request{method: "POST", path: "/refresh", form: url.Values{"client_id": {s.id}, "refresh_token": {text(t, begun, "refresh_token")}, "resource": {target.toolsResource}}}.do(t)
	if next.status != 200 || next.object(t)["scope"] != target.toolsScope || !active(t, text(t, next, "access_token")) {
		t.Errorf("refresh = %d %s, want an active token for %s", next.status, next.body, target.toolsScope)
	}
	authorization := request{method: "POST", path: "/device_authorization", form: url.Values{"client_id": {s.id}, "scope": wish["scope"], "resource": wish["resource"]}}.do(t)
	arrival := visit(t, types(text(t, authorization, "user_code")), target.url+"/device")
	if !asks(arrival, "Allow Tools to access your account?") {
		t.Errorf("a device of it asks %q", arrival.Trail)
	}
	if a := (request{method: "POST", path: "/revoke", form: url.Values{"client_id": {s.id}, "token": {text(t, next, "refresh_token")}}}).do(t); a.status != 200 {
		t.Errorf("revocation = %d %s, want 200", a.status, a.body)
	}
	if active(t, text(t, next, "access_token")) {
		t.Error("after the revocation the access token is active")
	}
}

// TestLocalUnvettedClientsAlwaysAsk: consent for a client that no operator registered
// is never remembered (the confused deputy of MCP proxies).
func TestLocalUnvettedClientsAlwaysAsk(t *testing.T) {
	local(t)
	registered := register(t, map[string]any{"client_name": "Tools", "redirect_uris": []string{"http://127.0.0.1/callback"}, "token_endpoint_auth_method": "none"})
	for _, id := range []string{target.documentID, text(t, registered, "client_id")} {
		s, wish := tools(id)
		p := someone()
		for i := range 2 {
			arrival := visit(t, p, s.address(wish))
			if !asks(arrival, "Allow Tools to access your account?") || arrival.Form.Get("code") == "" {
				t.Errorf("time %d: %s asks %q and gets %v, want a question and a code", i+1, id, arrival.Trail, arrival.Form)
			}
		}
		a := request{method: "GET", path: "/authorize?" + s.asked(url.Values{"scope": {target.scope}}).Encode()}.do(t)
		if to, err := url.Parse(a.header.Get("Location")); err != nil || to.Query().Get("error") != "invalid_target" && to.Query().Get("error") != "invalid_scope" {
			t.Errorf("%s asks for an API that is not open to it: %d to %q, want it refused", id, a.status, a.header.Get("Location"))
		}
	}
}

// register registers a client with an initial access token.
func register(t *testing.T, metadata map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(metadata)
	if err != nil {
		t.Fatal(err)
	}
	header := bearer(target.registrationToken())
	header.Set("Content-Type", "application/json")
	return request{method: "POST", path: "/register", header: header, body: string(body)}.do(t)
}

// TestRegistration: the answer repeats the registered metadata, without a secret, and
// refusals have the codes of RFC 7591 §3.2.2.
func TestRegistration(t *testing.T) {
	a := register(t, map[string]any{
		"client_name": "A program", "redirect_uris": []string{"http://127.0.0.1/callback", "com.example.program:/callback"},
		"grant_types": []string{"authorization_code", "refresh_token"}, "application_type": "native",
	})
	if a.status != http.StatusCreated {
		t.Fatalf("registration = %d %s, want 201", a.status, a.body)
	}
	a.uncached(t)
	object := a.object(t)
	uris, _ := object["redirect_uris"].([]any)
	if len(uris) != 2 || object["client_name"] != "A program" || object["token_endpoint_auth_method"] != "none" || object["client_id_issued_at"] == nil {
		t.Errorf("registration = %s, want everything that is registered", a.body)
	}
	if _, there := object["client_secret"]; there {
		t.Errorf("registration = %s, want no secret", a.body)
	}
	for name, tt := range map[string]struct {
		metadata map[string]any
		code     string
	}{
		"a script":          {map[string]any{"redirect_uris": []string{"JavaScript:alert(1)"}}, "invalid_redirect_uri"},
		"not on loopback":   {map[string]any{"redirect_uris": []string{"http://localhost.evil.test/callback"}}, "invalid_redirect_uri"},
		"no redirect URI":   {map[string]any{"client_name": "x"}, "invalid_redirect_uri"},
		"a grant for hosts": {map[string]any{"redirect_uris": []string{"http://127.0.0.1/c"}, "grant_types": []string{"client_credentials"}}, "invalid_client_metadata"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, register(t, tt.metadata), 400, tt.code) })
	}
}

// TestClientDocuments: a host without a public address is never called (Keycloak
// CVE-2026-1180), and the answer names the reason.
func TestClientDocuments(t *testing.T) {
	for name, id := range map[string]string{
		"unknown":    "https://unknown.invalid/client.json",
		"this host":  "https://127.0.0.1/client.json",
		"plain http": "http://tools-client.example/client.json",
		"no path":    "https://tools-client.example",
		"nothing":    "",
	} {
		t.Run(name, func(t *testing.T) {
			a := request{method: "GET", path: "/client?client_id=" + url.QueryEscape(id)}.do(t)
			if a.status < 400 || a.status >= 500 {
				t.Fatalf("= %d %s, want a refusal", a.status, a.body)
			}
			if detail, _ := a.object(t)["detail"].(string); detail == "" || strings.Contains(detail, "127.0.0.1") {
				t.Errorf("detail = %q, want a reason that tells nothing of this network", detail)
			}
		})
	}
}

// TestLocalFullHouse: when a user with the largest number of sessions signs in again,
// the least recently used session ends.
func TestLocalFullHouse(t *testing.T) {
	p := newcomer(t, "hedy")
	if err := local(t).Crowd(t.Context(), p.UserName); err != nil {
		t.Fatal(err)
	}
	a := target.portal.signedIn(t, p, nil)
	if !active(t, text(t, a, "access_token")) {
		t.Error("the new session is not active")
	}
}

// TestWrongSecretsAreRefusedEverywhere: a client with a secret has to present it at
// every endpoint, and the secret of another client is refused.
func TestWrongSecretsAreRefusedEverywhere(t *testing.T) {
	for path, s := range map[string]signer{
		"/par": target.portal, "/device_authorization": target.safe, "/token": target.notes,
		"/introspect": {target.serverID, target.serverSecret, ""}, "/revoke": {target.backendID, target.backendSecret, ""},
	} {
		r := request{method: "POST", path: path, id: s.id, secret: target.operatorSecret, form: s.asked(url.Values{"grant_type": {"authorization_code"}})}
		a := r.do(t)
		refused(t, a, 401, "invalid_client")
		if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic") {
			t.Errorf("%s: WWW-Authenticate = %q, want Basic", path, a.header.Get("WWW-Authenticate"))
		}
		r.id, r.secret = "", ""
		r.form.Set("client_secret", "")
		refused(t, r.do(t), 401, "invalid_client")
	}
}

// TestAccountEndsASession: a client with a back-channel logout URI is notified when
// the user ends its session on the account page.
func TestAccountEndsASession(t *testing.T) {
	p, other := someone(), someone()
	target.portal.signedIn(t, p, nil)
	begun := target.notes.signedIn(t, other, url.Values{"scope": {"openid " + target.scope}})
	_, _, html, err := p.Ask(t.Context(), "GET", "/account", nil)
	if err != nil {
		t.Fatal(err)
	}
	form := person.Form(html)
	form.Set("action", "end-others")
	if status, location, _, err := p.Ask(t.Context(), "POST", "/account", form); err != nil || status != 303 {
		t.Fatalf("end of all others = %d to %q, %v, want 303", status, location, err)
	}
	if active(t, text(t, begun, "access_token")) {
		t.Error("the access token of the session that was ended is active")
	}
}
