package e2e_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// device requests the codes of a device (RFC 8628 §3.1).
func device(t *testing.T) (code, userCode string) {
	t.Helper()
	a := request{method: "POST", path: "/device_authorization", form: url.Values{
		"client_id": {target.televisionID}, "scope": {"openid offline_access " + target.scope}, "resource": {target.resource},
	}}.do(t)
	if a.status != 200 {
		t.Fatalf("device authorization = %d %s, want 200", a.status, a.body)
	}
	if a.object(t)["verification_uri"] != target.url+"/device" || a.object(t)["interval"] != json.Number("5") {
		t.Errorf("device authorization = %s, want %s/device and an interval of 5", a.body, target.url)
	}
	return text(t, a, "device_code"), text(t, a, "user_code")
}

// poll sends the token request of a device (RFC 8628 §3.4).
func poll(code string) request {
	return request{method: "POST", path: "/token", form: url.Values{
		"client_id": {target.televisionID}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code},
	}}
}

// types returns a user who types a code.
func types(userCode string) *person.Person {
	p := someone()
	p.Code = userCode
	return p
}

// TestDevice: the user signs in and types the code, and the device code gets tokens
// once.
func TestDevice(t *testing.T) {
	code, userCode := device(t)
	arrival := visit(t, types(userCode), target.url+"/device")
	if len(arrival.Trail) != 3 || arrival.Trail[0] != "Sign in" {
		t.Errorf("the way leads through %q, want a sign-in, the code and the question\n%s", arrival.Trail, arrival.Page)
	}
	a := poll(code).do(t)
	if a.status != 200 || !active(t, text(t, a, "access_token")) || text(t, a, "refresh_token") == "" || text(t, a, "id_token") == "" {
		t.Fatalf("poll = %d %s, want tokens", a.status, a.body)
	}
	again := poll(code).do(t)
	if code := again.object(t)["error"]; again.status != 400 || code == "authorization_pending" {
		t.Errorf("second redemption = %d %s, want a refusal", again.status, again.body)
	}
}

// TestDeviceRefusals: a device that gets no tokens learns why. A device code of
// another client is refused and still works for its owner (Zitadel
// GHSA-xqxv-4jc2-x56x).
func TestDeviceRefusals(t *testing.T) {
	t.Run("pending, and too fast", func(t *testing.T) {
		code, _ := device(t)
		refused(t, poll(code).do(t), 400, "authorization_pending")
		refused(t, poll(code).do(t), 400, "slow_down")
	})
	t.Run("denied", func(t *testing.T) {
		code, userCode := device(t)
		p := types(userCode)
		visit(t, p, target.portal.address(nil)) // signs the user in
		p.Deny = true
		visit(t, p, target.url+"/device")
		refused(t, poll(code).do(t), 400, "access_denied")
	})
	t.Run("another client", func(t *testing.T) {
		code, userCode := device(t)
		visit(t, types(userCode), target.url+"/device")
		theirs := poll(code)
		theirs.form.Set("client_id", target.desktopID)
		a := theirs.do(t)
		if a.status != 400 {
			t.Errorf("= %d %s, want a refusal", a.status, a.body)
		}
		if a := poll(code).do(t); a.status != 200 {
			t.Errorf("afterwards its owner gets %d %s, want tokens", a.status, a.body)
		}
	})
	t.Run("never approved by an address alone", func(t *testing.T) {
		code, userCode := device(t)
		p := types("")
		visit(t, p, target.portal.address(nil))
		if _, _, _, err := p.Ask(t.Context(), "GET", "/device?user_code="+url.QueryEscape(userCode), nil); err != nil {
			t.Fatal(err)
		}
		refused(t, poll(code).do(t), 400, "authorization_pending")
	})
}
