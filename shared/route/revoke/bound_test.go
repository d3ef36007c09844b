package revoke_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

// An exchanged token ends nothing: neither the client that has it nor the client of
// the session can end the grant with it.
func TestExchangedTokenEndsNothing(t *testing.T) {
	h := routetest.Furnish(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	before := h.Entries("")
	for _, holder := range []string{routetest.Web, routetest.Phone} {
		minted, err := h.Minter().Mint(t.Context(), token.Request{
			Subject: h.Ada, ClientID: holder, Audience: []string{routetest.Orders}, Algorithm: oauth.ES256, Lifetime: time.Minute,
			SessionID: begun.Grant.ID, AuthTime: h.Time, Act: &token.Actor{Subject: holder},
		})
		if err != nil {
			t.Fatal(err)
		}
		done(t, ask(h, holder, minted.Value))
		if !live(t, h, begun) || h.Entries("") != before {
			t.Errorf("the exchanged token of %s ended the session", holder)
		}
	}
}

// A token that is bound to a key is revoked without a proof: its end harms only the
// client that asked for it.
func TestBoundTokenIsRevoked(t *testing.T) {
	h := routetest.Furnish(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	minted, err := h.Minter().Mint(t.Context(), token.Request{
		Subject: h.Ada, ClientID: routetest.Phone, Audience: []string{routetest.Orders}, Algorithm: oauth.ES256, Lifetime: time.Minute,
		SessionID: begun.Grant.ID, AuthTime: h.Time, JKT: h.Prover().JKT,
	})
	if err != nil {
		t.Fatal(err)
	}
	done(t, ask(h, routetest.Web, minted.Value))
	if !live(t, h, begun) {
		t.Fatal("another client ended the session")
	}
	done(t, ask(h, routetest.Phone, minted.Value))
	if live(t, h, begun) {
		t.Error("the session is live after its client revoked a bound token")
	}
}

// A confidential client ends its sessions when it authenticates. Another party that
// only names the client does not, not even with an invalid credential beside the name.
func TestClientThatSigns(t *testing.T) {
	h := routetest.Furnish(t)
	c := h.Client("signer")
	c.AuthMethods = []string{oauth.PrivateKeyJWT}
	h.Register(c)
	begun := h.Grant("signer", h.Ada)
	for name, form := range map[string]url.Values{
		"its name":          {"client_id": {"signer"}},
		"its name and junk": {"client_id": {"signer"}, "client_assertion_type": {clientauth.AssertionType}, "client_assertion": {"a.b.c"}},
		"a secret":          {"client_id": {"signer"}, "client_secret": {client.NewSecret()}},
	} {
		form.Set("token", begun.RefreshToken)
		if got := routetest.Post(route(h), form, "", ""); got.Status != 401 || got.Error() != string(oauth.InvalidClient) {
			t.Errorf("%s = %d %s, want 401 invalid_client", name, got.Status, got.Body)
		}
	}
	if !live(t, h, begun) || h.Entries(session.ActionEndGrant) != 0 {
		t.Error("the session has ended")
	}
}
