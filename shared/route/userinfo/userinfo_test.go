package userinfo_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/userinfo"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

const everything = "openid profile email"

// home is a stage where ada has allowed the client "app".
type home struct {
	*pagetest.Stage
	user  identity.User
	grant *session.Grant
	route http.Handler
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{Stage: pagetest.New(t)}
	h.Register(client.Client{ID: "app", AuthMethods: []string{oauth.AuthNone}})
	h.user = identity.User{
		Subject: identity.NewSubject(h.Time), UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true, Revision: 1,
	}
	h.Store(&h.user)
	h.grant = h.Grant(h.user.Subject, "app", "")
	h.route = h.fresh(h.DB)
	return h
}

// fresh returns a new function with an empty cache.
func (h *home) fresh(db *dynamodb.Client) http.Handler {
	people, sessions, clients := h.People(), h.Sessions(), h.Clients()
	people.DB, sessions.DB, clients.DB = db, db, db
	clients.Documents, clients.Registered = userinfo.Registered, userinfo.Registered
	return h.Route(contract.UserInfo, &userinfo.Handler{
		Tokens: &bearer.Live{
			Guard: &bearer.Guard{
				Issuer: routetest.Issuer, Audience: userinfo.Audience(routetest.Issuer), Keys: h.Published(), Proofs: h.Proofs(), Now: h.Now,
			},
			Clients: clients, Sessions: sessions,
		},
		People: people,
	})
}

// mint is an access token of app for userinfo with a scope, as change makes it.
func (h *home) mint(scope string, change func(*token.Request)) string {
	h.T.Helper()
	r := token.Request{
		Subject: h.user.Subject, ClientID: "app", Audience: []string{"https://orders.example.com", userinfo.Audience(routetest.Issuer)},
		Scope: scope, Algorithm: oauth.ES256, Lifetime: 5 * time.Minute, SessionID: h.grant.ID, AuthTime: h.grant.AuthTime,
	}
	if change != nil {
		change(&r)
	}
	minted, err := h.Minter().Mint(context.Background(), r)
	if err != nil {
		h.T.Fatal(err)
	}
	return minted.Value
}

func get(accessToken string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/userinfo", nil)
	if accessToken != "" {
		r.Header.Set("Authorization", "Bearer "+accessToken)
	}
	return r
}

func TestClaimsByScope(t *testing.T) {
	h := newHome(t)
	sub := map[string]any{"sub": h.user.Subject}
	profile := map[string]any{"sub": h.user.Subject, "name": "Ada Lovelace", "preferred_username": "ada"}
	email := map[string]any{"sub": h.user.Subject, "email": "ada@example.com", "email_verified": true}
	all := map[string]any{"sub": h.user.Subject, "name": "Ada Lovelace", "preferred_username": "ada", "email": "ada@example.com", "email_verified": true}
	for scope, want := range map[string]map[string]any{
		"openid": sub, "openid orders:read offline_access": sub, "openid profile": profile, "email openid": email, everything: all,
		"openid profiles emails": sub,
	} {
		got := routetest.Do(h.route, get(h.mint(scope, nil)))
		if got.Status != http.StatusOK || !reflect.DeepEqual(got.JSON, want) {
			t.Errorf("with %q = %d %s, want 200 %v", scope, got.Status, got.Body, want)
		}
		if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("with %q the headers are %v, want JSON that nobody stores and every page may read", scope, got.Header)
		}
	}
}

// TestWhatIsNotKnown: an unknown value is left out, and an unverified one is not
// reported as verified.
func TestWhatIsNotKnown(t *testing.T) {
	h := newHome(t)
	for _, tt := range []struct {
		change func(*identity.User)
		want   map[string]any
	}{
		{func(u *identity.User) { u.Name, u.Email, u.EmailVerified = "", "", false }, map[string]any{"sub": h.user.Subject, "preferred_username": "ada"}},
		{func(u *identity.User) { u.Name, u.EmailVerified = "", false }, map[string]any{
			"sub": h.user.Subject, "preferred_username": "ada", "email": "ada@example.com", "email_verified": false,
		}},
	} {
		u := h.user
		tt.change(&u)
		h.Store(&u)
		if got := routetest.Do(h.route, get(h.mint(everything, nil))); !reflect.DeepEqual(got.JSON, tt.want) {
			t.Errorf("of %+v = %s, want %v", u, got.Body, tt.want)
		}
	}
}

// TestVerifiedIsNotWritableBySelf (Zitadel CVE-2026-27946): no parameter of a client
// or a user changes what is stored.
func TestVerifiedIsNotWritableBySelf(t *testing.T) {
	h := newHome(t)
	h.user.EmailVerified = false
	h.Store(&h.user)
	form := url.Values{
		"access_token": {h.mint(everything, nil)}, "email_verified": {"true"}, "email": {"root@example.com"}, "name": {"Root"}, "sub": {"usr_root"},
	}
	for range 2 {
		got := routetest.Do(h.route, routetest.Form("/userinfo?email_verified=true", form))
		if got.Status != http.StatusOK || got.JSON["email_verified"] != false || got.Text("email") != "ada@example.com" || got.Text("sub") != h.user.Subject {
			t.Errorf("= %d %s, want what the registry says", got.Status, got.Body)
		}
	}
}

// TestWaysToPresent a token: in the header of a GET or a POST, in the form of a
// POST (RFC 6750 §2.2), and never in two places, or in the URL.
func TestWaysToPresent(t *testing.T) {
	h := newHome(t)
	good := h.mint(everything, nil)
	post := httptest.NewRequest(http.MethodPost, "/userinfo", nil)
	post.Header.Set("Authorization", "bearer "+good)
	both := routetest.Form("/userinfo", url.Values{"access_token": {good}})
	both.Header.Set("Authorization", "Bearer "+good)
	twice := httptest.NewRequest(http.MethodPost, "/userinfo", strings.NewReader("access_token="+good+"&access_token="+good))
	twice.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	typeless := httptest.NewRequest(http.MethodPost, "/userinfo", strings.NewReader("access_token="+good))
	typeless.Header.Set("Content-Type", "text/plain")
	body := httptest.NewRequest(http.MethodGet, "/userinfo", strings.NewReader("access_token="+good))
	body.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	basic := get("")
	basic.Header.Set("Authorization", "Basic "+good)
	tests := []struct {
		name      string
		request   *http.Request
		status    int
		code      string
		challenge string // begins so
	}{
		{"GET", get(good), 200, "", ""},
		{"POST with a header and no body", post, 200, "", ""},
		{"POST of a form", routetest.Form("/userinfo", url.Values{"access_token": {good}, "other": {"x"}}), 200, "", ""},
		{"both", both, 400, "invalid_request", ""},
		{"twice", twice, 400, "invalid_request", ""},
		{"a body of another type", typeless, 400, "invalid_request", ""},
		{"in the body of a GET", body, 401, "invalid_token", `Bearer realm="https://auth.example.com", scope="openid"`},
		{"in the URL", httptest.NewRequest(http.MethodGet, "/userinfo?access_token="+good, nil), 401, "invalid_token", `Bearer realm="https://auth.example.com", scope="openid"`},
		{"by another scheme", basic, 401, "invalid_token", `Bearer realm="https://auth.example.com", error="invalid_token"`},
		{"nowhere", get(""), 401, "invalid_token", `Bearer realm="https://auth.example.com", scope="openid"`},
		{"junk in a form", routetest.Form("/userinfo", url.Values{"access_token": {"junk"}}), 401, "invalid_token", `Bearer realm="https://auth.example.com", error="invalid_token"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(h.route, tt.request)
			challenge := got.Header.Get("WWW-Authenticate")
			if got.Status != tt.status || got.Error() != tt.code || !strings.HasPrefix(challenge, tt.challenge) || tt.challenge == "" && challenge != "" {
				t.Errorf("= %d %s with the challenge %q, want %d %q with %q", got.Status, got.Body, challenge, tt.status, tt.code, tt.challenge)
			}
			if tt.status != 200 && strings.Contains(got.Body, h.user.Subject) {
				t.Errorf("a refusal tells who it is: %s", got.Body)
			}
		})
	}
	if strings.Contains(h.Log.String(), good) {
		t.Error("the log has the token")
	}
	if got := routetest.Do(h.route, httptest.NewRequest(http.MethodPut, "/userinfo", nil)); got.Status != http.StatusMethodNotAllowed {
		t.Errorf("PUT = %d, want 405", got.Status)
	}
}

// TestRefusedTokens: each token is refused for another reason.
func TestRefusedTokens(t *testing.T) {
	ctx := context.Background()
	refused := func(t *testing.T, h *home, accessToken string, status int, code string) {
		t.Helper()
		got := routetest.Do(h.route, get(accessToken))
		challenge := got.Header.Get("WWW-Authenticate")
		if got.Status != status || got.Error() != code || !strings.Contains(challenge, `error="`+code+`"`) {
			t.Errorf("= %d %s with the challenge %q, want %d %s", got.Status, got.Body, challenge, status, code)
		}
	}
	tests := []struct {
		name   string
		scope  string
		change func(*token.Request)
		before func(*home) error // after the token was minted
		status int
		code   string
	}{
		{"for another resource", everything, func(r *token.Request) { r.Audience = []string{routetest.Issuer + "/api"} }, nil, 401, "invalid_token"},
		{"for a path below", everything, func(r *token.Request) { r.Audience = []string{routetest.Issuer + "/userinfo/"} }, nil, 401, "invalid_token"},
		{"without openid", "profile email", nil, nil, 403, "insufficient_scope"},
		{"without a scope", "", nil, nil, 403, "insufficient_scope"},
		{"of a client for itself", everything, func(r *token.Request) { r.SessionID = "" }, nil, 401, "invalid_token"},
		{"of another client's session", everything, func(r *token.Request) { r.ClientID = "other" }, func(h *home) error {
			h.Register(client.Client{ID: "other", AuthMethods: []string{oauth.AuthNone}})
			return nil
		}, 401, "invalid_token"},
		{"of a session that never was", everything, func(r *token.Request) { r.SessionID = "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, nil, 401, "invalid_token"},
		{"of another person's session", everything, func(r *token.Request) { r.Subject = "usr_eve" }, nil, 401, "invalid_token"},
		{"of a session that has ended", everything, nil, func(h *home) error {
			return h.Sessions().End(ctx, h.user.Subject, h.grant.ID, session.Cause{Why: session.Revoked, Actor: "app"})
		}, 401, "invalid_token"},
		{"of a disabled person", everything, nil, func(h *home) error {
			h.user.Disabled = true
			h.Store(&h.user)
			return nil
		}, 401, "invalid_token"},
		{"of a disabled client", everything, nil, func(h *home) error {
			h.Register(client.Client{ID: "app", AuthMethods: []string{oauth.AuthNone}, Disabled: true})
			return nil
		}, 401, "invalid_token"},
		{"of a client that is gone", everything, func(r *token.Request) { r.ClientID = "gone" }, nil, 401, "invalid_token"},
		{"that has expired", everything, nil, func(h *home) error {
			h.Pass(5 * time.Minute)
			return nil
		}, 401, "invalid_token"},
		{"bound to a key, without a proof", everything, func(r *token.Request) { r.JKT = strings.Repeat("x", 43) }, nil, 401, "invalid_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			value := h.mint(tt.scope, tt.change)
			if tt.before != nil {
				if err := tt.before(h); err != nil {
					t.Fatal(err)
				}
			}
			refused(t, h, value, tt.status, tt.code)
		})
	}
}

// TestIDTokenIsNoAccessToken, though the same keys signed it.
func TestIDTokenIsNoAccessToken(t *testing.T) {
	h := newHome(t)
	value, err := h.Minter().ID(context.Background(), token.IDRequest{
		Subject: h.user.Subject, ClientID: userinfo.Audience(routetest.Issuer), AuthTime: h.grant.AuthTime, SessionID: h.grant.ID,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := routetest.Do(h.route, get(value)); got.Status != http.StatusUnauthorized {
		t.Errorf("= %d %s, want 401", got.Status, got.Body)
	}
}

// TestForgedAccessTokens: all 18 kinds of forged JWT, in the header and in a form.
func TestForgedAccessTokens(t *testing.T) {
	h := newHome(t)
	key, err := h.Document.Active(oauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.Signer()
	if err != nil {
		t.Fatal(err)
	}
	mold := tokentest.Mold{
		Key: private, KeyID: key.ID, Types: []string{token.AccessType}, Now: h.Time,
		Claims: map[string]any{
			"iss": routetest.Issuer, "sub": h.user.Subject, "aud": userinfo.Audience(routetest.Issuer), "client_id": "app", "scope": everything,
			"iat": h.Time.Unix(), "exp": h.Time.Add(time.Minute).Unix(), "jti": "1", "sid": h.grant.ID, "auth_time": h.Time.Unix(),
		},
	}
	if got := routetest.Do(h.route, get(mold.Sign(t, nil))); got.Status != http.StatusOK {
		t.Fatalf("the good one = %d %s", got.Status, got.Body)
	}
	for _, f := range mold.Forge(t) {
		for name, r := range map[string]*http.Request{"header": get(f.JWT), "form": routetest.Form("/userinfo", url.Values{"access_token": {f.JWT}})} {
			if got := routetest.Do(h.route, r); got.Status != http.StatusUnauthorized {
				t.Errorf("%s, in the %s = %d %s, want 401", f, name, got.Status, got.Body)
			}
		}
	}
}

// TestProofOfPossession: a token that is bound to a key needs a proof of it, once
// for each request.
func TestProofOfPossession(t *testing.T) {
	h := newHome(t)
	key := tokentest.NewKey(t)
	jwk := jose.JSONWebKey{Key: key.Public()}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	bound := h.mint(everything, func(r *token.Request) { r.JKT = base64.RawURLEncoding.EncodeToString(thumbprint) })
	sum := sha256.Sum256([]byte(bound))
	proof := func(change map[string]any) string {
		claims := map[string]any{
			"htm": "GET", "htu": routetest.Issuer + "/userinfo", "iat": h.Time.Unix(), "jti": "1",
			"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
		}
		for name, value := range change {
			claims[name] = value
		}
		return tokentest.Mold{Key: key, Types: []string{"dpop+jwt"}, Header: map[string]any{"jwk": tokentest.JWK(t, key)}, Claims: claims}.Sign(t, nil)
	}
	ask := func(scheme, proof string) routetest.Answer {
		r := get("")
		r.Header.Set("Authorization", scheme+" "+bound)
		if proof != "" {
			r.Header.Set("DPoP", proof)
		}
		return routetest.Do(h.route, r)
	}
	good := proof(nil)
	if got := ask("DPoP", good); got.Status != http.StatusOK || got.Text("email") != "ada@example.com" {
		t.Fatalf("with a proof = %d %s, want 200", got.Status, got.Body)
	}
	for name, got := range map[string]routetest.Answer{
		"the same proof again": ask("DPoP", good),
		"no proof":             ask("DPoP", ""),
		"as a bearer token":    ask("Bearer", proof(nil)),
		"a proof for a POST":   ask("DPoP", proof(map[string]any{"htm": "POST"})),
		"for another route":    ask("DPoP", proof(map[string]any{"htu": routetest.Issuer + "/token"})),
		"for another token":    ask("DPoP", proof(map[string]any{"ath": "x"})),
		"a token in a form":    routetest.Do(h.route, routetest.Form("/userinfo", url.Values{"access_token": {bound}})),
		"an unbound one as DPoP": routetest.Do(h.route, func() *http.Request {
			r := get("")
			r.Header.Set("Authorization", "DPoP "+h.mint(everything, nil))
			return r
		}()),
	} {
		if challenge := got.Header.Get("WWW-Authenticate"); got.Status != http.StatusUnauthorized || challenge == "" {
			t.Errorf("%s = %d %s with the challenge %q, want 401 with one", name, got.Status, got.Body, challenge)
		}
	}
}

// TestSelfRegisteredClient: the token of such a client is as good as its session.
func TestSelfRegisteredClient(t *testing.T) {
	h := newHome(t)
	const id = "https://app.example.com/client.json"
	h.grant = h.Grant(h.user.Subject, id, "")
	value := h.mint(everything, func(r *token.Request) { r.ClientID = id })
	if got := routetest.Do(h.route, get(value)); got.Status != http.StatusOK {
		t.Errorf("= %d %s, want 200", got.Status, got.Body)
	}
	if err := h.Sessions().End(context.Background(), h.user.Subject, h.grant.ID, session.Cause{Why: session.Revoked, Actor: h.user.Subject}); err != nil {
		t.Fatal(err)
	}
	if got := routetest.Do(h.route, get(value)); got.Status != http.StatusUnauthorized {
		t.Errorf("after its session has ended = %d %s, want 401", got.Status, got.Body)
	}
}

// wire counts the calls to the database, and can fail them.
type wire struct {
	dynamodb.HTTPClient
	keys []string
	down bool
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.keys = append(w.keys, operation)
	if w.down {
		return nil, http.ErrServerClosed
	}
	return w.HTTPClient.Do(r)
}

// TestCalls: each request reads the user once and the session once.
func TestCalls(t *testing.T) {
	h := newHome(t)
	w := &wire{HTTPClient: h.DB.Options().HTTPClient}
	route := h.fresh(dynamodb.New(h.DB.Options(), func(o *dynamodb.Options) { o.HTTPClient, o.RetryMaxAttempts = w, 1 }))
	value := h.mint(everything, nil)
	for i, want := range []string{"GetItem GetItem GetItem", "GetItem GetItem"} { // the client is remembered
		w.keys = nil
		if got := routetest.Do(route, get(value)); got.Status != http.StatusOK || strings.Join(w.keys, " ") != want {
			t.Errorf("request %d = %d with the calls %q, want 200 with %q", i, got.Status, w.keys, want)
		}
	}
	w.down = true
	if got := routetest.Do(route, get(value)); got.Status != http.StatusServiceUnavailable || got.Error() != "temporarily_unavailable" {
		t.Errorf("while the store is down = %d %s, want 503", got.Status, got.Body)
	}
}
