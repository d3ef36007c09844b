package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/introspect"
	"github.com/tipstaff/tipstaff/shared/route/login"
	"github.com/tipstaff/tipstaff/shared/route/refresh"
	"github.com/tipstaff/tipstaff/shared/route/revoke"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/sessions"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
	tokens "github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// kind is a kind of value that we issue, or that names an object of ours.
type kind string

const (
	clientSecret  kind = "client secret"
	refreshToken  kind = "refresh token"
	refreshCookie kind = "refresh cookie"
	sessionCookie kind = "session cookie"
	formCookie    kind = "form cookie"
	formToken     kind = "form token"
	ordersToken   kind = "access token for orders"
	apiToken      kind = "access token for our API"
	grantID       kind = "id of a grant"
	loginID       kind = "id of a login"
	tokenID       kind = "id of an access token"
	subject       kind = "subject"
	assertion     kind = "client assertion"
	proof         kind = "DPoP proof"
	oneTimeLink   kind = "one-time link"
	signInStep    kind = "half of a sign-in"
)

// TestKinds presents one value of every kind wherever a value is accepted. It is
// accepted in its own place and in no other: a value for one purpose is worth nothing
// for another.
func TestKinds(t *testing.T) {
	h := routetest.Furnish(t)
	ordersSecret := h.Register(client.Client{ID: "orders-api", Introspects: []string{routetest.Orders}})
	w := httptest.NewRecorder()
	formTokenValue, err := h.Forms().Token(t.Context(), w, httptest.NewRequest("GET", "/login", nil), "login")
	if err != nil {
		t.Fatal(err)
	}
	formCookieValue := (&http.Response{Header: w.Header()}).Cookies()[0].Value

	key := tokentest.NewKey(t)
	signer := h.Client("signer")
	signer.AuthMethods = []string{oauth.PrivateKeyJWT}
	signer.KeySet, err = json.Marshal(map[string]any{"keys": []any{tokentest.JWK(t, key)}})
	if err != nil {
		t.Fatal(err)
	}
	h.Register(signer)
	// Both have all claims of either, so that only the kind differs.
	said := map[string]any{
		"iss": "signer", "sub": "signer", "aud": routetest.Issuer, "jti": "j", "iat": h.Time.Unix(), "exp": h.Time.Unix() + 60,
		"htm": "POST", "htu": routetest.Issuer + "/token",
	}

	auth := h.Auth()
	tokenRoute := h.Route(contract.Token, &token.Handler{Auth: auth, Issue: h.Issuer()})
	refreshRoute := h.Route(contract.Refresh, &refresh.Handler{Auth: auth, Issue: h.Issuer()})
	introspectRoute := h.Route(contract.Introspect, &introspect.Handler{Auth: auth, Active: &bearer.Live{Guard: h.Bearer(), Clients: h.Clients(), Sessions: h.Sessions()}, Now: h.Now})
	revokeRoute := h.Route(contract.Revoke, &revoke.Handler{Auth: auth, Guard: h.Bearer(), Handles: h.Handles(), Sessions: h.Sessions()})
	sessionsRoute := h.Route(contract.MySessions, &sessions.Handler{Guard: h.Guard(), Sessions: h.Sessions()})
	loginRoute := h.Route(contract.Login, &login.Handler{Issuer: routetest.Issuer, Auth: auth, Issue: h.Issuer(), Forms: h.Forms()})

	tickets := &onetime.Store{DB: h.DB, Sessions: h.Table(contract.Sessions), Trail: h.Trail(), Now: h.Now}
	user, err := h.People().Get(t.Context(), h.Ada)
	if err != nil {
		t.Fatal(err)
	}
	steps := &opaque.Box{Kind: opaque.SignInStep, Keys: h.MACKey}

	// made returns one token of every kind, all of one user at one client.
	made := func() map[kind]string {
		_, link, err := tickets.Create(t.Context(), onetime.New{Kind: onetime.Recover, User: user, Actor: "test"})
		if err != nil {
			t.Fatal(err)
		}
		half, err := steps.Seal(t.Context(), []byte("half"))
		if err != nil {
			t.Fatal(err)
		}
		begun := h.Grant(routetest.Web, h.Ada)
		l, cookie := h.Login(h.Ada)
		api, err := h.Minter().Mint(t.Context(), tokens.Request{
			Subject: h.Ada, ClientID: routetest.Web, Audience: []string{routetest.Issuer + contract.APIPath}, Scope: contract.ScopeSessions,
			SessionID: begun.Grant.ID, AuthTime: h.Time, Algorithm: oauth.ES256, Lifetime: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		return map[kind]string{
			clientSecret: h.Secret, refreshToken: begun.RefreshToken, refreshCookie: routetest.Web + "." + begun.RefreshToken,
			sessionCookie: cookie, formCookie: formCookieValue, formToken: formTokenValue,
			ordersToken: begun.Access.Value, apiToken: api.Value,
			assertion: tokentest.Mold{Key: key, Claims: said}.Sign(t, nil),
			proof: tokentest.Mold{
				Key: key, Types: []string{dpop.Type}, Header: map[string]any{"jwk": tokentest.JWK(t, key)}, Claims: said,
			}.Sign(t, nil),
			oneTimeLink: link, signInStep: half,
			grantID: begun.Grant.ID, loginID: l.ID, tokenID: begun.Access.ID, subject: h.Ada,
		}
	}
	cookied := func(r *http.Request, name, value string) *http.Request {
		r.Header.Set("Cookie", name+"="+value)
		return r
	}
	for _, place := range []struct {
		name    string
		accepts []kind
		// present returns whether the value was accepted there.
		present func(value string) bool
	}{
		{"client secret at /token", []kind{clientSecret}, func(value string) bool {
			got := routetest.Post(tokenRoute, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, routetest.Backend, value)
			return got.Error() == "invalid_grant" // the client was accepted
		}},
		{"assertion at /token", []kind{assertion}, func(value string) bool {
			got := routetest.Post(tokenRoute, url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_assertion_type": {clientauth.AssertionType}, "client_assertion": {value},
			}, "", "")
			return got.Error() == "invalid_grant" // the client was accepted
		}},
		{"proof at /token", []kind{proof}, func(value string) bool {
			r := routetest.Form("/token", nil)
			r.Header.Set(dpop.Header, value)
			_, err := h.Proofs().Optional(r, &signer)
			return err == nil
		}},
		{"refresh token at /token", []kind{refreshToken}, func(value string) bool {
			return routetest.Post(tokenRoute, url.Values{"grant_type": {"refresh_token"}, "client_id": {routetest.Web}, "refresh_token": {value}}, "", "").Status == 200
		}},
		{"cookie at /refresh", []kind{refreshCookie}, func(value string) bool {
			r := cookied(routetest.Form("/refresh", nil), websec.RefreshCookie, value)
			r.Header.Set("Origin", routetest.App)
			r.Header.Set("X-Session-Refresh", "1")
			return routetest.Do(refreshRoute, r).Status == 200
		}},
		{"cookie at /sessions", []kind{sessionCookie}, func(value string) bool {
			return routetest.Do(sessionsRoute, cookied(httptest.NewRequest("GET", "/sessions", nil), websec.SessionCookie, value)).Status == 200
		}},
		{"bearer at /sessions", []kind{apiToken}, func(value string) bool {
			r := httptest.NewRequest("GET", "/sessions", nil)
			r.Header.Set("Authorization", "Bearer "+value)
			return routetest.Do(sessionsRoute, r).Status == 200
		}},
		{"id at /sessions/{id}", []kind{grantID, loginID}, func(value string) bool {
			_, cookie := h.Login(h.Ada)
			r := cookied(httptest.NewRequest("DELETE", "/sessions/x", nil), websec.SessionCookie, cookie)
			r.URL.Path = "/sessions/" + value
			r.Header.Set("Origin", routetest.Issuer)
			return routetest.Do(sessionsRoute, r).Status == 200
		}},
		{"token at /introspect", []kind{ordersToken}, func(value string) bool {
			return routetest.Post(introspectRoute, url.Values{"token": {value}}, "orders-api", ordersSecret).JSON["active"] == true
		}},
		{"token at /revoke", []kind{refreshToken, ordersToken, apiToken}, func(value string) bool {
			before := h.Entries(session.ActionEndGrant)
			routetest.Post(revokeRoute, url.Values{"client_id": {routetest.Web}, "token": {value}}, "", "")
			return h.Entries(session.ActionEndGrant) > before
		}},
		{"token of the form at /login", []kind{formToken}, func(value string) bool {
			r := cookied(httptest.NewRequest("POST", "/login", nil), websec.FormCookie, formCookieValue)
			return h.Forms().Check(t.Context(), r, "login", value) == nil
		}},
		{"cookie of the form at /login", []kind{formCookie}, func(value string) bool {
			r := cookied(routetest.Form("/login", url.Values{"csrf": {formTokenValue}}), websec.FormCookie, value)
			return h.Forms().Check(t.Context(), r, "login", formTokenValue) == nil
		}},
		{"link at /recover", []kind{oneTimeLink}, func(value string) bool {
			_, err := tickets.Open(t.Context(), value, onetime.Recover)
			return err == nil
		}},
		{"link at /invite", nil, func(value string) bool {
			_, err := tickets.Open(t.Context(), value, onetime.Invite)
			return err == nil
		}},
		{"step at /login", []kind{signInStep}, func(value string) bool {
			_, err := steps.Open(t.Context(), value)
			return err == nil
		}},
		{"client id in JSON at /login", nil, func(value string) bool {
			got := routetest.Do(loginRoute, routetest.JSON("/login", "client_id", value, "user_name", "ada", "password", routetest.Password))
			return got.Error() != "invalid_client"
		}},
	} {
		all := made()
		for _, k := range []kind{
			clientSecret, refreshCookie, sessionCookie, formCookie, formToken, tokenID, subject, assertion, proof, apiToken, ordersToken, grantID, loginID, oneTimeLink, signInStep, refreshToken,
		} {
			if slices.Contains(place.accepts, k) {
				all = made() // what is ended by being accepted is not there any more
			}
			if accepted := place.present(all[k]); accepted != slices.Contains(place.accepts, k) {
				t.Errorf("%s: a %s is accepted: %t", place.name, k, accepted)
			}
		}
	}
}
