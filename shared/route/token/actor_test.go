package token_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// actors returns the actors of a token, the current one first.
func actors(t *testing.T, value string) string {
	t.Helper()
	var all []string
	act, _ := routetest.Claims(t, value)["act"].(map[string]any)
	for act != nil {
		actor, _ := act["sub"].(string)
		if by, ok := act["client_id"].(string); ok {
			actor += " by " + by
		}
		all = append(all, actor)
		act, _ = act["act"].(map[string]any)
	}
	return strings.Join(all, " < ")
}

// Each client that exchanges is put before those that did so earlier, up to three.
func TestActorsAreThree(t *testing.T) {
	m := newMarket(t)
	stops := []string{"https://two.example.com", "https://three.example.com", "https://four.example.com", "https://five.example.com"}
	for _, id := range stops {
		m.Protect(client.Resource{ID: id, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "orders:read"}}})
	}
	serves := []string{routetest.Orders, stops[0], stops[1], stops[2]}
	for i, id := range []string{"one", "two", "three", "four"} {
		m.register(m.server(id, serves[i], stops[i]))
	}
	first := m.exchanged("one", form(m.order().Access.Value, "audience", stops[0]))
	again := m.exchanged("one", form(first, "audience", stops[0]))
	second := m.exchanged("two", form(again, "audience", stops[1]))
	third := m.exchanged("three", form(second, "audience", stops[2]))
	for value, want := range map[string]string{first: "one", again: "one", second: "two < one", third: "three < two < one"} {
		if got := actors(t, value); got != want {
			t.Errorf("actors = %q, want %q", got, want)
		}
	}
	m.refused("a fourth", "four", form(third, "audience", stops[3]), oauth.InvalidRequest)
}

// An actor token names the actor, if the client got it for that actor.
func TestActorToken(t *testing.T) {
	m := newMarket(t)
	eve := m.AddUser("eve")
	value := m.order().Access.Value
	with := func(actor string) url.Values {
		return form(value, "actor_token", actor, "actor_token_type", typeAccess)
	}

	helper := m.Grant("orders-api", eve)
	got := m.exchanged("orders-api", with(helper.Access.Value))
	if want := eve + " by orders-api"; actors(t, got) != want || routetest.Claims(t, got)["sub"] != m.Ada {
		t.Errorf("claims = %v, want ada's with the actor %s", routetest.Claims(t, got), want)
	}
	machine := m.mint(func(r *token.Request) { r.Subject, r.ClientID = "orders-api", "orders-api" })
	if got := actors(t, m.exchanged("orders-api", with(machine))); got != "orders-api" {
		t.Errorf("actors = %q, want the client itself", got)
	}

	m.refused("another client's actor token", "orders-api", with(m.Grant(routetest.Web, eve).Access.Value), oauth.InvalidRequest)
	m.refused("an actor who acts for somebody", "orders-api", with(got), oauth.InvalidRequest)
	m.refused("a broken one", "orders-api", with(helper.Access.Value+"A"), oauth.InvalidRequest)
	bound := m.mint(func(r *token.Request) { r.Subject, r.ClientID, r.JKT = "orders-api", "orders-api", "another-key" })
	m.refused("one that is bound to a key", "orders-api", with(bound), oauth.InvalidRequest)
	if _, err := m.Sessions().EndAll(t.Context(), eve, session.Cause{Why: session.Revoked}); err != nil {
		t.Fatal(err)
	}
	m.refused("one whose session has ended", "orders-api", with(helper.Access.Value), oauth.InvalidRequest)
}

// mold returns a good subject token, signed by the stage's own key.
func (m *market) mold() tokentest.Mold {
	m.T.Helper()
	key, err := m.Document.Active(oauth.ES256)
	if err != nil {
		m.T.Fatal(err)
	}
	signer, err := key.Signer()
	if err != nil {
		m.T.Fatal(err)
	}
	return tokentest.Mold{
		Key: signer, KeyID: key.ID, Types: []string{token.AccessType}, Now: m.Time,
		Claims: map[string]any{
			"iss": routetest.Issuer, "sub": "worker", "aud": routetest.Orders, "client_id": routetest.Backend, "scope": "orders:read",
			"iat": m.Time.Unix(), "exp": m.Time.Add(5 * time.Minute).Unix(), "jti": "1",
		},
	}
}

// Keycloak CVE-2026-11800 and similar: no forged JWT is a subject or an actor.
func TestForgedSubjectTokens(t *testing.T) {
	m := newMarket(t)
	mold := m.mold()
	own := mold
	own.Claims = map[string]any{}
	for name, value := range mold.Claims {
		own.Claims[name] = value
	}
	own.Claims["client_id"], own.Claims["sub"] = "orders-api", "orders-api"
	good := mold.Sign(t, nil)
	m.exchanged("orders-api", form(good))
	m.exchanged("orders-api", form(good, "actor_token", own.Sign(t, nil), "actor_token_type", typeJWT))
	for _, f := range mold.Forge(t) {
		m.refused(f.String(), "orders-api", form(f.JWT), oauth.InvalidRequest)
	}
	for _, f := range own.Forge(t) {
		// An actor token may be for any resource.
		if f.Kind != tokentest.Kinds[14] && f.JWT != "" {
			m.refused(f.String()+", as actor", "orders-api", form(good, "actor_token", f.JWT, "actor_token_type", typeJWT), oauth.InvalidRequest)
		}
	}
}

// Zitadel CVE-2026-27840: no part of a token is worth anything.
func TestZitadelCVE202627840(t *testing.T) {
	m := newMarket(t)
	value := m.order().Access.Value
	for _, cut := range []int{1, 2, 3, 4, 10, 40, len(value) / 2, len(value) - 1} {
		m.refused("a prefix", "orders-api", form(value[:len(value)-cut]), oauth.InvalidRequest)
		m.refused("a suffix", "orders-api", form(value[cut:]), oauth.InvalidRequest)
	}
	m.refused("another case", "orders-api", form(strings.ToUpper(value)), oauth.InvalidRequest)
}

// A token with may_act is exchanged by the client that it names.
func TestMayAct(t *testing.T) {
	m := newMarket(t)
	mold := m.mold()
	tests := []struct {
		name string
		may  map[string]any
		ok   bool
	}{
		{"the client", map[string]any{"sub": "orders-api"}, true},
		{"the client, by its id too", map[string]any{"sub": "orders-api", "client_id": "orders-api"}, true},
		{"another client", map[string]any{"sub": "billing-api"}, false},
		{"the client by another one", map[string]any{"sub": "orders-api", "client_id": "billing-api"}, false},
		{"nobody", map[string]any{}, false},
	}
	for _, tt := range tests {
		value := mold.Sign(t, func(_, claims map[string]any) { claims["may_act"] = tt.may })
		if tt.ok {
			if got := actors(t, m.exchanged("orders-api", form(value))); got != "orders-api" {
				t.Errorf("%s: actors = %q, want orders-api", tt.name, got)
			}
			continue
		}
		m.refused(tt.name, "orders-api", form(value), oauth.InvalidRequest)
	}
}

// proof is a DPoP proof for the token endpoint by a key.
func (m *market) proof(key *ecdsa.PrivateKey) string {
	m.T.Helper()
	return tokentest.Mold{
		Key: key, Types: []string{"dpop+jwt"}, Header: map[string]any{"jwk": tokentest.JWK(m.T, key)}, Now: m.Time,
		Claims: map[string]any{"htm": "POST", "htu": routetest.Issuer + "/token", "iat": m.Time.Unix(), "jti": "1"},
	}.Sign(m.T, nil)
}

// prove exchanges with a proof.
func (m *market) prove(by string, v url.Values, proof string) routetest.Answer {
	r := routetest.Form("/token", v)
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(by+":"+m.secrets[by])))
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	return routetest.Do(m.route, r)
}

// Keycloak #36475 at another grant: a token that is bound to a key is exchanged
// with a proof of that key, and for one that is bound to it.
func TestExchangeOfABoundToken(t *testing.T) {
	m := newMarket(t)
	mine, other := tokentest.NewKey(t), tokentest.NewKey(t)
	first := m.prove("orders-api", form(m.order().Access.Value, "audience", routetest.Orders), m.proof(mine))
	value := first.Text("access_token")
	if first.Status != 200 || first.Text("token_type") != "DPoP" {
		t.Fatalf("exchange with a proof = %d %s, want a DPoP token", first.Status, first.Body)
	}
	confirmed := routetest.Claims(t, value)["cnf"]
	for name, proof := range map[string]string{"no proof": "", "a proof of another key": m.proof(other), "half a proof": m.proof(mine)[:40]} {
		if got := m.prove("orders-api", form(value), proof); got.Status != 400 || got.Error() != string(oauth.InvalidDPoPProof) {
			t.Errorf("%s = %d %s, want 400 invalid_dpop_proof", name, got.Status, got.Body)
		}
	}
	got := m.prove("orders-api", form(value), m.proof(mine))
	if got.Status != 200 || got.Text("token_type") != "DPoP" {
		t.Fatalf("exchange with its proof = %d %s, want a DPoP token", got.Status, got.Body)
	}
	again, _ := routetest.Claims(t, got.Text("access_token"))["cnf"].(map[string]any)
	if want, _ := confirmed.(map[string]any); len(again) != 1 || again["jkt"] != want["jkt"] {
		t.Errorf("cnf = %v, want %v", again, confirmed)
	}
	nobody := m.mold().Sign(t, func(_, claims map[string]any) { claims["cnf"] = map[string]any{} })
	if got := m.prove("orders-api", form(nobody), m.proof(mine)); got.Status != 400 {
		t.Errorf("a token that is bound to no key that anybody has = %d %s, want 400", got.Status, got.Body)
	}
}

// A client that must prove a key must do so here as well, and a refusal for any
// other reason does not use up its proof.
func TestExchangeByAClientThatMustProve(t *testing.T) {
	m := newMarket(t)
	c := m.server("prover", routetest.Orders, shipping)
	c.RequireDPoP = true
	m.register(c)
	value := m.order().Access.Value
	m.refused("no proof", "prover", form(value), oauth.InvalidDPoPProof)
	proof := m.proof(tokentest.NewKey(t))
	if got := m.prove("prover", form(value, "audience", routetest.Billing), proof); got.Error() != string(oauth.InvalidTarget) {
		t.Errorf("for a wrong audience = %d %s, want invalid_target", got.Status, got.Body)
	}
	var got []int
	for range 2 {
		got = append(got, m.prove("prover", form(value), proof).Status)
	}
	if !slices.Equal(got, []int{200, 400}) {
		t.Errorf("one proof twice = %v, want 200 and then 400", got)
	}
}
