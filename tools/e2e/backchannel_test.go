package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// result is the result of a run of the task that notifies clients.
type result struct{ Delivered, Failed, Abandoned, Left int }

// notify runs the task that notifies clients of ended sessions.
func notify(t *testing.T) result {
	t.Helper()
	answer, err := local(t).Trigger(t.Context(), contract.Notify.Name)
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(answer, &r); err != nil {
		t.Fatalf("the task says %q: %v", answer, err)
	}
	return r
}

// signOut signs a user out at the page.
func signOut(t *testing.T, p *person.Person) {
	t.Helper()
	if visit(t, p, target.url+"/logout"); p.SignedIn() {
		t.Fatal("after the sign-out there is a session")
	}
}

// noticed returns the logout tokens that Notes got for a session.
func noticed(t *testing.T, session string) []string {
	t.Helper()
	return slices.DeleteFunc(local(t).Notices.Tokens(), func(token string) bool {
		return payload(t, token)["sid"] != session
	})
}

// TestLocalBackChannelLogout: a client learns that one of its sessions has ended, by
// a token that jose verifies. A client that does not answer is notified again. A
// client that had no part in the session learns nothing.
func TestLocalBackChannelLogout(t *testing.T) {
	notify(t) // of sessions that ended earlier
	p := someone()
	begun := target.notes.signedIn(t, p, url.Values{"scope": {"openid " + target.scope}})
	claims := payload(t, text(t, begun, "id_token"))
	session, _ := claims["sid"].(string)
	if session == "" {
		t.Fatalf("the id token says %v, want a sid", claims)
	}
	target.portal.signedIn(t, p, url.Values{"scope": {"openid"}, "resource": nil}) // has no back channel
	signOut(t, p)

	local(t).Notices.Break(true)
	if got := notify(t); got != (result{Failed: 1}) {
		t.Errorf("while the client does not answer: %+v, want one to be tried again", got)
	}
	if got := notify(t); got != (result{}) {
		t.Errorf("right afterwards: %+v, want a pause", got)
	}
	local(t).Notices.Break(false)

	p = someone()
	claims = payload(t, text(t, target.notes.signedIn(t, p, url.Values{"scope": {"openid " + target.scope}}), "id_token"))
	session, _ = claims["sid"].(string)
	signOut(t, p)
	if got := notify(t); got != (result{Delivered: 1}) {
		t.Errorf("when it answers: %+v, want one delivered", got)
	}
	tokens := noticed(t, session)
	if len(tokens) != 1 {
		t.Fatalf("the client got %d notices of session %s, want 1", len(tokens), session)
	}
	var got struct {
		Payload         map[string]any
		ProtectedHeader map[string]any
	}
	t.Setenv("LOGOUT_TOKEN", tokens[0])
	node(t, "node/logout-token.mjs", &got)
	events, _ := got.Payload["events"].(map[string]any)
	if events["http://schemas.openid.net/event/backchannel-logout"] == nil || got.Payload["sub"] != claims["sub"] || got.Payload["nonce"] != nil {
		t.Errorf("the logout token says %v, want the event, %v and no nonce", got.Payload, claims["sub"])
	}
}

// TestLocalUndelivered: a disabled client is no longer notified, and the trail has an
// entry about it.
func TestLocalUndelivered(t *testing.T) {
	const registry = `
clients:
  - id: leaving
    name: One that leaves
    auth_methods: [none]
    grants: [authorization_code]
    identity: [openid]
    first_party: true
    redirect_uris: [https://leaving.example/callback]
    backchannel_logout_uri: http://127.0.0.1:9/logout
    disabled: %t
`
	apply := func(disabled bool) {
		file := filepath.Join(t.TempDir(), "registry.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, registry, disabled), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := local(t).Apply(t.Context(), file); err != nil {
			t.Fatal(err)
		}
	}
	apply(false)
	p := someone()
	leaving := signer{"leaving", "", "https://leaving.example/callback"}
	a := leaving.signedIn(t, p, url.Values{"scope": {"openid"}, "resource": nil})
	if a.object(t)["refresh_token"] != nil {
		t.Errorf("a client that may not refresh got %s", a.body)
	}
	signOut(t, p)
	apply(true)
	if got := notify(t); got.Abandoned != 1 {
		t.Errorf("after the client was switched off: %+v, want one abandoned", got)
	}
	refused := request{method: http.MethodGet, path: "/authorize?" + leaving.asked(nil).Encode()}
	if got := refused.do(t); got.status != 400 && got.status != 302 && got.status != 303 {
		t.Errorf("and it is sent to %d, want a refusal", got.status)
	}
}
