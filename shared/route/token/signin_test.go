package token_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
)

// These are the clients of users in these tests.
const (
	appID     = "app"     // public
	serverID  = "server"  // with a secret and RS256
	onceID    = "once"    // public, without refresh tokens
	strictID  = "strict"  // public, must prove a key
	cautionID = "caution" // as app, for what app must not have

	redirect = "https://app.example.com/cb"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// signIn is a stage in which ada is signed in to a browser, with a warm function.
type signIn struct {
	*routetest.Home
	login  *session.Login
	secret string // of server
	route  http.Handler
}

func newSignIn(t *testing.T) *signIn {
	t.Helper()
	s := &signIn{Home: routetest.Furnish(t)}
	register := func(id string, change func(*client.Client)) string {
		c := s.Client(id)
		c.Grants = []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
		c.RedirectURIs, c.Identity = []string{redirect}, oauth.IdentityScopes
		if change != nil {
			change(&c)
		}
		return s.Register(c)
	}
	register(appID, nil)
	register(cautionID, nil)
	register(onceID, func(c *client.Client) { c.Grants = []string{oauth.GrantAuthorizationCode} })
	register(strictID, func(c *client.Client) { c.RequireDPoP = true })
	s.secret = register(serverID, func(c *client.Client) {
		c.AuthMethods, c.IDTokenAlgorithm, c.BackChannelURI = nil, oauth.RS256, "https://server.example.com/bye"
	})
	s.login, _ = s.Login(s.Ada)
	s.route = s.fresh()
	return s
}

// fresh is a function with nothing remembered.
func (s *signIn) fresh() http.Handler {
	return s.Route(contract.Token, &token.Handler{Auth: s.Auth(), Codes: s.Codes(), Issue: s.Issuer()})
}

// code returns a code as /authorize gives it to a client, for all of orders or with
// the changes of change.
func (s *signIn) code(clientID string, change func(*session.Code)) string {
	s.T.Helper()
	l := s.login
	c := session.Code{
		Subject: s.Ada, AuthGen: l.AuthGen, Login: l.ID, LoginEnds: l.Absolute,
		Client: session.DigestOf(clientID), RedirectURI: session.DigestOf(redirect), Challenge: session.DigestOf(verifier),
		Scope: "openid offline_access orders:read orders:write", Audience: []string{routetest.Orders}, Nonce: "n-0S6_WzA2Mj",
		AuthTime: l.AuthTime, AMR: l.AMR,
	}
	if change != nil {
		change(&c)
	}
	text, err := s.Codes().Seal(context.Background(), c)
	if err != nil {
		s.T.Fatal(err)
	}
	return text
}

// request redeems a code as app, with pairs of other parameters; "" leaves one
// out.
func request(code string, change ...string) *http.Request {
	form := url.Values{
		"grant_type": {oauth.GrantAuthorizationCode}, "client_id": {appID}, "code": {code},
		"redirect_uri": {redirect}, "code_verifier": {verifier},
	}
	for ; len(change) > 0; change = change[2:] {
		form.Set(change[0], change[1])
		if change[1] == "" {
			form.Del(change[0])
		}
	}
	return routetest.Form("/token", form)
}

func (s *signIn) redeem(code string, change ...string) routetest.Answer {
	return routetest.Do(s.route, request(code, change...))
}

// asServer authenticates a request as the confidential client.
func (s *signIn) asServer(r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(serverID+":"+s.secret)))
	return r
}

// refresh presents a refresh token as a public client.
func (s *signIn) refresh(clientID, presented string) *http.Request {
	return routetest.Form("/token", url.Values{
		"grant_type": {oauth.GrantRefreshToken}, "client_id": {clientID}, "refresh_token": {presented},
	})
}

// live fails unless the user has as many grants.
func (s *signIn) live(t *testing.T, want int) {
	t.Helper()
	items, err := s.Sessions().List(t.Context(), s.Ada)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for _, i := range items {
		if i.Kind == session.KindGrant {
			got++
		}
	}
	if got != want {
		t.Errorf("%d grants are live, want %d", got, want)
	}
}
