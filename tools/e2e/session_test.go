package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// signIn signs the user in by a first-party client, with JSON, for the default
// resource or those named.
func signIn(t testing.TB, client string, resources ...string) answer {
	t.Helper()
	object := map[string]any{"client_id": client, "user_name": target.userName, "password": target.password}
	if client == target.backendID {
		object["client_secret"] = target.backendSecret
	}
	header := http.Header{"Content-Type": {"application/json"}}
	path := "/login"
	if client == target.webID {
		header.Set("Origin", target.webOrigin)
		path += "?client_id=" + client
	}
	if len(resources) > 0 {
		object["resource"] = resources
	}
	body, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	a := request{method: "POST", path: path, header: header, body: string(body)}.do(t)
	if a.status != http.StatusOK {
		t.Fatalf("sign-in at %s = %d %s, want 200", client, a.status, a.body)
	}
	return a
}

func text(t testing.TB, a answer, member string) string {
	t.Helper()
	value, _ := a.object(t)[member].(string)
	if value == "" {
		t.Fatalf("%d %s has no %s", a.status, a.body, member)
	}
	return value
}

// renew presents a refresh token at a path.
func renew(t testing.TB, path, client, presented string, more url.Values) answer {
	t.Helper()
	r := request{method: "POST", path: path, form: url.Values{"grant_type": {"refresh_token"}, "refresh_token": {presented}}}
	if client == target.backendID {
		r.id, r.secret = client, target.backendSecret
	} else {
		r.form.Set("client_id", client)
	}
	for name, values := range more {
		r.form[name] = values
	}
	return r.do(t)
}

func active(t testing.TB, presented string) bool {
	t.Helper()
	return introspect(t, presented).object(t)["active"] == true
}

// TestSession follows a session from the sign-in to its end, for a public and a
// confidential client, at both endpoints that refresh it.
func TestSession(t *testing.T) {
	for _, client := range []string{target.phoneID, target.backendID} {
		for _, path := range []string{"/token", "/refresh"} {
			t.Run(client+path, func(t *testing.T) {
				begun := signIn(t, client)
				begun.uncached(t)
				first := text(t, begun, "refresh_token")
				if !active(t, text(t, begun, "access_token")) {
					t.Error("the first access token is not active")
				}
				next := renew(t, path, client, first, nil)
				replayed := renew(t, path, client, first, nil)
				if next.status != 200 || replayed.status != 200 || text(t, next, "refresh_token") != text(t, replayed, "refresh_token") {
					t.Fatalf("refresh = %d %s, again = %d %s, want the same next token", next.status, next.body, replayed.status, replayed.body)
				}
				narrow := renew(t, path, client, text(t, next, "refresh_token"), url.Values{"scope": {"orders:read"}, "resource": {target.resource}})
				if narrow.status != 200 || narrow.object(t)["scope"] != "orders:read" {
					t.Errorf("narrower = %d %s, want scope orders:read", narrow.status, narrow.body)
				}
				access := text(t, narrow, "access_token")
				if !active(t, access) {
					t.Error("the renewed access token is not active")
				}
				// The first one is two rotations old now: it counts as copied.
				refused(t, renew(t, path, client, first, nil), 400, "invalid_grant")
				refused(t, renew(t, path, client, text(t, narrow, "refresh_token"), nil), 400, "invalid_grant")
				if active(t, access) {
					t.Error("an access token of an ended session is active")
				}
			})
		}
	}
}

// TestRevocation ends a session by its refresh token and by its access token.
func TestRevocation(t *testing.T) {
	for _, member := range []string{"refresh_token", "access_token"} {
		begun := signIn(t, target.phoneID)
		revocation := request{method: "POST", path: "/revoke", form: url.Values{"client_id": {target.phoneID}, "token": {text(t, begun, member)}}}
		for range 2 {
			if a := revocation.do(t); a.status != 200 || string(a.body) != "{}" {
				t.Errorf("revocation by %s = %d %q, want 200 {}", member, a.status, a.body)
			}
		}
		refused(t, renew(t, "/refresh", target.phoneID, text(t, begun, "refresh_token"), nil), 400, "invalid_grant")
		if active(t, text(t, begun, "access_token")) {
			t.Errorf("after a revocation by %s the access token is active", member)
		}
	}
	machine := request{method: "POST", path: "/revoke", id: target.backendID, secret: target.backendSecret, form: url.Values{"token": {token(t)}}}
	if a := machine.do(t); a.status != 200 {
		t.Errorf("revocation of a machine's token = %d %s, want 200", a.status, a.body)
	}
}

// TestSessionsOfAPerson: a client with the scope lists and ends the sessions of its
// user.
func TestSessionsOfAPerson(t *testing.T) {
	ours, other := signIn(t, target.phoneID, target.resource, target.url+"/api"), signIn(t, target.backendID)
	api := renew(t, "/refresh", target.phoneID, text(t, ours, "refresh_token"), url.Values{"resource": {target.url + "/api"}})
	ask := func(method, path string) answer {
		return request{method: method, path: path, header: http.Header{"Authorization": {"Bearer " + text(t, api, "access_token")}}}.do(t)
	}
	list := func() (current string, others []string) {
		for _, item := range ask("GET", "/sessions").object(t)["sessions"].([]any) {
			s := item.(map[string]any)
			if id := s["id"].(string); s["current"] == true {
				current = id
			} else {
				others = append(others, id)
			}
		}
		return current, others
	}
	current, others := list()
	if current == "" || len(others) == 0 {
		t.Fatalf("sessions = %q and %q, want the one that asks and another", current, others)
	}
	if a := ask("DELETE", "/sessions/"+others[0]); a.status != 200 {
		t.Errorf("DELETE of another = %d %s, want 200", a.status, a.body)
	}
	if a := ask("DELETE", "/sessions/"+others[0]); a.status != 404 || a.object(t)["code"] != "not_found" {
		t.Errorf("DELETE of the same = %d %s, want 404", a.status, a.body)
	}
	signIn(t, target.backendID)
	if a := ask("POST", "/sessions/revoke-others"); a.status != 200 {
		t.Errorf("POST revoke-others = %d %s, want 200", a.status, a.body)
	}
	refused(t, renew(t, "/token", target.backendID, text(t, other, "refresh_token"), nil), 400, "invalid_grant")
	if now, rest := list(); now != current || len(rest) != 0 {
		t.Errorf("sessions = %q and %q, want only the one that asks", now, rest)
	}
	if a := ask("DELETE", "/sessions"); a.status != 200 {
		t.Errorf("DELETE of all = %d %s, want 200", a.status, a.body)
	}
	if a := ask("GET", "/sessions"); a.status != 401 {
		t.Errorf("GET afterwards = %d %s, want 401", a.status, a.body)
	}
	// After a sign-out everywhere the user can sign in again.
	signIn(t, target.phoneID)
}

// TestPage follows the session of a page, which never sees its refresh token.
func TestPage(t *testing.T) {
	preflight := request{method: "OPTIONS", path: "/refresh?client_id=" + target.webID, header: http.Header{"Origin": {target.webOrigin}}}.do(t)
	if preflight.status != 204 || preflight.header.Get("Access-Control-Allow-Origin") != target.webOrigin {
		t.Errorf("preflight = %d %v, want the page to be allowed", preflight.status, preflight.header)
	}
	if a := (request{method: "OPTIONS", path: "/sessions?client_id=" + target.webID, header: http.Header{"Origin": {"https://evil.example"}}}).do(t); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another origin = %v, want nothing allowed", a.header)
	}
	begun := signIn(t, target.webID)
	cookie := cookieOf(t, begun, "__Host-rt")
	ask := func(cookie, origin string) answer {
		header := http.Header{"Origin": {origin}, "X-Session-Refresh": {"1"}, "Cookie": {cookie}}
		return request{method: "POST", path: "/refresh?client_id=" + target.webID, header: header}.do(t)
	}
	refused(t, ask(cookie, "https://evil.example"), 403, "invalid_request")
	next := ask(cookie, target.webOrigin)
	if next.status != 200 || !active(t, text(t, next, "access_token")) || next.object(t)["session"] == nil {
		t.Fatalf("refresh = %d %s, want an active token", next.status, next.body)
	}
	for name, a := range map[string]answer{"sign-in": begun, "refresh": next} {
		if strings.Contains(string(a.body), "tsr_") || a.header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s = %s %v, want no refresh token, for the page to read", name, a.body, a.header)
		}
	}
	following := cookieOf(t, next, "__Host-rt")
	value := strings.TrimPrefix(following, "__Host-rt="+target.webID+".")
	request{method: "POST", path: "/revoke", form: url.Values{"client_id": {target.webID}, "token": {value}}}.do(t)
	over := ask(following, target.webOrigin)
	refused(t, over, 401, "invalid_grant")
	if got := over.header.Get("Set-Cookie"); !strings.HasPrefix(got, "__Host-rt=;") || !strings.Contains(got, "Max-Age=0") {
		t.Errorf("Set-Cookie = %q, want the cookie deleted", got)
	}
}

// cookieOf returns a cookie that an answer sets, as a browser sends it back.
func cookieOf(t testing.TB, a answer, name string) string {
	t.Helper()
	cookies := (&http.Response{Header: a.header}).Cookies()
	i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return c.Name == name && c.Value != "" })
	if i < 0 {
		t.Fatalf("%d %v sets no cookie %s", a.status, a.header, name)
	}
	return name + "=" + cookies[i].Value
}

// TestSignInRefusals: the answer to a wrong password is the same as to an unknown
// user name.
func TestSignInRefusals(t *testing.T) {
	try := func(userName, password string) answer {
		body, err := json.Marshal(map[string]string{"client_id": target.phoneID, "user_name": userName, "password": password})
		if err != nil {
			t.Fatal(err)
		}
		return request{method: "POST", path: "/login", header: http.Header{"Content-Type": {"application/json"}}, body: string(body)}.do(t)
	}
	wrong, unknown := try(target.userName, "wrong"), try("nobody-of-that-name", "wrong")
	refused(t, wrong, 400, "invalid_grant")
	if string(wrong.body) != string(unknown.body) || wrong.status != unknown.status || len(wrong.header) != len(unknown.header) {
		t.Errorf("wrong password: %d %s, unknown name: %d %s, want the same", wrong.status, wrong.body, unknown.status, unknown.body)
	}
	for name, object := range map[string]map[string]string{
		"another client": {"client_id": target.clientID, "client_secret": target.clientSecret},
		"no such client": {"client_id": "nobody"},
	} {
		object["user_name"], object["password"] = target.userName, "wrong"
		body, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		a := request{method: "POST", path: "/login", header: http.Header{"Content-Type": {"application/json"}}, body: string(body)}.do(t)
		if a.status != 400 && a.status != 401 {
			t.Errorf("%s = %d %s, want a refusal", name, a.status, a.body)
		}
	}
}
