package introspect_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/introspect"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// mint makes a token for the orders API, with the changes of change.
func (h *home) mint(change func(*token.Request)) string {
	h.T.Helper()
	r := token.Request{
		Subject: h.Ada, ClientID: routetest.Phone, Audience: []string{routetest.Orders},
		Algorithm: oauth.ES256, Lifetime: time.Minute,
	}
	change(&r)
	minted, err := h.Minter().Mint(h.T.Context(), r)
	if err != nil {
		h.T.Fatal(err)
	}
	return minted.Value
}

// A resource server learns which key a token is bound to, and checks the proof itself.
func TestBoundToken(t *testing.T) {
	h := newHome(t)
	jkt := h.Prover().JKT
	got := h.ask(h.mint(func(r *token.Request) { r.JKT = jkt }))
	cnf, _ := got.JSON["cnf"].(map[string]any)
	if got.JSON["active"] != true || got.JSON["token_type"] != "DPoP" || len(cnf) != 1 || cnf["jkt"] != jkt {
		t.Errorf("answer = %s, want token_type DPoP and the key", got.Body)
	}
	got = h.ask(h.Grant(routetest.Phone, h.Ada).Access.Value)
	if _, there := got.JSON["cnf"]; there || got.JSON["token_type"] != "Bearer" || got.JSON["acr"] != oauth.ACRSingle {
		t.Errorf("answer = %s, want token_type Bearer, acr and no cnf", got.Body)
	}
	if _, there := got.JSON["act"]; there {
		t.Errorf("answer = %s, want no act", got.Body)
	}
}

// An exchanged token depends on the session of another client, and ends with it and
// with either client.
func TestExchangedToken(t *testing.T) {
	h := newHome(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	exchanged := h.mint(func(r *token.Request) {
		r.ClientID, r.SessionID, r.AuthTime = routetest.Backend, begun.Grant.ID, h.Time
		r.Act = &token.Actor{Subject: routetest.Backend, Act: &token.Actor{Subject: "first"}}
	})
	got := h.ask(exchanged)
	act, _ := got.JSON["act"].(map[string]any)
	before, _ := act["act"].(map[string]any)
	if got.JSON["active"] != true || act["sub"] != routetest.Backend || before["sub"] != "first" || got.JSON["client_id"] != routetest.Backend {
		t.Errorf("answer = %s, want active and the actors", got.Body)
	}
	off := h.Client(routetest.Phone)
	off.Disabled = true
	h.Register(off)
	h.route = h.fresh()
	h.inactive(t, "with the client of the session disabled", exchanged)
	h.Register(h.Client(routetest.Phone))
	h.route = h.fresh()
	if got := h.ask(exchanged); got.JSON["active"] != true {
		t.Fatalf("with that client again = %s, want active", got.Body)
	}
	if err := h.Sessions().End(t.Context(), h.Ada, begun.Grant.ID, session.Cause{Why: session.Revoked}); err != nil {
		t.Fatal(err)
	}
	h.inactive(t, "with the session ended", exchanged)
}

// A client that registered itself is judged like any other: it exists or it does not.
func TestSelfRegisteredClients(t *testing.T) {
	h := newHome(t)
	const document = "https://mcp.example.com/client"
	known := map[string]*client.Client{document: {ID: document, SelfRegistered: true}, "tsd_x": {ID: "tsd_x", SelfRegistered: true}}
	hook := func(_ context.Context, id string) (*client.Client, error) {
		if c, ok := known[id]; ok {
			return c, nil
		}
		return nil, client.ErrUnknown
	}
	route := func(admitted bool) {
		clients := h.Clients()
		if admitted {
			clients.Documents, clients.Registered = hook, hook
		}
		h.route = h.Route(contract.Introspect, &introspect.Handler{
			Auth: h.Auth(), Active: &bearer.Live{Guard: h.Bearer(), Clients: clients, Sessions: h.Sessions()}, Now: h.Now,
		})
	}
	for id := range known {
		value := h.mint(func(r *token.Request) { r.ClientID = id })
		route(true)
		if got := h.ask(value); got.JSON["active"] != true || got.JSON["client_id"] != id {
			t.Errorf("a token of %s = %s, want active", id, got.Body)
		}
		route(false)
		h.inactive(t, "in a stage without such clients", value)
		route(true)
		stranger := h.mint(func(r *token.Request) { r.ClientID = id + "x" })
		h.inactive(t, "of another one", stranger)
	}
}

// A client document that cannot be read just now is no verdict on the token.
func TestOutageOfDocuments(t *testing.T) {
	h := newHome(t)
	clients := h.Clients()
	clients.Documents = func(context.Context, string) (*client.Client, error) { return nil, errors.New("down") }
	h.route = h.Route(contract.Introspect, &introspect.Handler{
		Auth: h.Auth(), Active: &bearer.Live{Guard: h.Bearer(), Clients: clients, Sessions: h.Sessions()}, Now: h.Now,
	})
	got := h.ask(h.mint(func(r *token.Request) { r.ClientID = "https://mcp.example.com/client" }))
	if got.Status != 503 || got.Error() != "temporarily_unavailable" {
		t.Errorf("answer = %d %s, want 503 temporarily_unavailable", got.Status, got.Body)
	}
}

// A resource server that asks with a bound access token proves the key, and one that
// authenticates by one method does not use another as well.
func TestAskerProvesItself(t *testing.T) {
	h := newHome(t)
	prover := h.Prover()
	good := h.Grant(routetest.Phone, h.Ada).Access.Value
	own := func(jkt string) string {
		return h.mint(func(r *token.Request) {
			r.Subject, r.ClientID, r.JKT = "orders-api", "orders-api", jkt
			r.Audience, r.Scope = []string{routetest.Issuer + contract.APIPath}, contract.ScopeIntrospect
		})
	}
	ask := func(authorization string, form url.Values) *http.Request {
		form.Set("token", good)
		r := routetest.Form("/introspect", form)
		r.Header.Set("Authorization", authorization)
		return r
	}
	for _, tt := range []struct {
		name    string
		request *http.Request
		status  int
		code    oauth.Code
	}{
		{"bearer", ask("Bearer "+own(""), url.Values{}), 200, ""},
		{"bound, as a bearer's", ask("Bearer "+own(prover.JKT), url.Values{}), 401, oauth.InvalidToken},
		{"bound, without a proof", ask("DPoP "+own(prover.JKT), url.Values{}), 401, oauth.InvalidDPoPProof},
		{"bound, with a proof without the hash", prover.Prove(ask("DPoP "+own(prover.JKT), url.Values{}), "/introspect"), 401, oauth.InvalidDPoPProof},
		{"bearer and a secret", ask("Bearer "+own(""), url.Values{"client_id": {"orders-api"}, "client_secret": {h.secret}}), 400, oauth.InvalidRequest},
		{"bearer and junk", ask("Bearer "+own(""), url.Values{"client_assertion": {"junk"}}), 400, oauth.InvalidRequest},
		{"bearer and a type of junk", ask("Bearer "+own(""), url.Values{"client_assertion_type": {"junk"}}), 400, oauth.InvalidRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(h.route, tt.request)
			if got.Status != tt.status || got.Error() != string(tt.code) || tt.status == 200 && got.JSON["active"] != true {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
		})
	}
}

// Keycloak CVE-2026-11800 and similar: no forgery of the table is active, and each
// gets the answer that any unknown token gets.
func TestKeycloakCVE202611800EveryForgery(t *testing.T) {
	h := newHome(t)
	k, err := h.Document.Active(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := k.Signer()
	if err != nil {
		t.Fatal(err)
	}
	begun := h.Grant(routetest.Phone, h.Ada)
	m := tokentest.Mold{
		Key: signer, KeyID: k.ID, Types: []string{token.AccessType}, Now: h.Time,
		Claims: map[string]any{
			"iss": routetest.Issuer, "aud": routetest.Orders, "sub": h.Ada, "client_id": routetest.Phone, "sid": begun.Grant.ID,
			"jti": "j", "iat": h.Time.Unix(), "exp": h.Time.Unix() + 60,
		},
	}
	if got := h.ask(m.Sign(t, nil)); got.JSON["active"] != true {
		t.Fatalf("the good one = %s, want active", got.Body)
	}
	for _, f := range m.Forge(t) {
		if f.JWT == "" {
			continue // no token at all is a request that is not in order
		}
		if got := h.ask(f.JWT); got.Status != 200 || got.Body != `{"active":false}` {
			t.Errorf("%s = %d %s, want inactive: %s", f, got.Status, got.Body, f.JWT)
		}
	}
}
