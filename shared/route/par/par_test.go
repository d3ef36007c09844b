package par_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	pushed "github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/route/par"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

const (
	app      = "app"    // has a secret
	public   = "public" // has none
	callback = "https://app.example.com/cb"
)

// challenge is the code_challenge of RFC 7636, appendix B.
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

// scene is a stage with two clients and the route.
type scene struct {
	*routetest.Stage
	route  http.Handler
	pushed *pushed.Store
	secret string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{Stage: routetest.New(t)}
	s.Protect(client.Resource{ID: routetest.Orders, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "orders:read"}}})
	s.secret = s.Register(s.client(app, nil))
	s.Register(s.client(public, func(c *client.Client) { c.AuthMethods = []string{oauth.AuthNone} }))
	s.Register(s.client("machine", func(c *client.Client) {
		c.AuthMethods, c.Grants = []string{oauth.AuthNone}, []string{oauth.GrantClientCredentials}
	}))
	s.Register(s.client("disabled", func(c *client.Client) { c.AuthMethods, c.Disabled = []string{oauth.AuthNone}, true }))
	s.Register(s.client("proving", func(c *client.Client) {
		c.AuthMethods, c.RequireDPoP, c.DPoPNonce = []string{oauth.AuthNone}, true, true
	}))
	auth := s.Auth()
	s.pushed = &pushed.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Now: s.Now}
	s.route = s.Route(contract.PAR, &par.Handler{
		Auth: auth, Audience: &audience.Resolver{Issuer: routetest.Issuer, Clients: auth.Clients}, Proofs: s.Proofs(), Pushed: s.pushed,
		Throttle: &throttle.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Key: s.ThrottleKey, Now: s.Now},
	})
	return s
}

func (s *scene) client(id string, change func(*client.Client)) client.Client {
	c := client.Client{
		ID: id, Grants: []string{oauth.GrantAuthorizationCode}, RedirectURIs: []string{callback}, RequirePAR: true, Identity: []string{oauth.ScopeOpenID},
		Access: []client.Access{{Resource: routetest.Orders, Scopes: []string{"orders:read"}}},
	}
	if change != nil {
		change(&c)
	}
	return c
}

// request returns a good request with pairs of changes. An empty value removes a
// parameter.
func request(changes ...string) url.Values {
	q := url.Values{
		"redirect_uri": {callback}, "response_type": {"code"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}, "state": {"s t"},
	}
	for ; len(changes) > 1; changes = changes[2:] {
		q.Set(changes[0], changes[1])
		if changes[1] == "" {
			q.Del(changes[0])
		}
	}
	return q
}

// kept returns the stored request that an answer names.
func (s *scene) kept(got routetest.Answer, id string) url.Values {
	s.T.Helper()
	params, err := s.pushed.Open(s.T.Context(), id, got.Text("request_uri"), s.Time)
	if got.Status != 201 || err != nil {
		s.T.Fatalf("answer = %d %s: %v, want 201 with a request_uri", got.Status, got.Body, err)
	}
	return params
}

func TestPush(t *testing.T) {
	s := newScene(t)
	sent := request("scope", "openid orders:read", "resource", routetest.Orders, "nonce", "n", "prompt", "login", "max_age", "5", "acr_values", "aal2 aal1", "login_hint", "ada", "other", "x")
	got := routetest.Post(s.route, sent, app, s.secret)
	params := s.kept(got, app)
	sent.Set("client_id", app)
	sent.Del("other")
	if params.Encode() != sent.Encode() {
		t.Errorf("kept = %s, want %s", params.Encode(), sent.Encode())
	}
	if got.JSON["expires_in"] != float64(60) || len(got.JSON) != 2 || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("answer = %s %v, want two members, a minute, and nothing kept", got.Body, got.Header)
	}
	if got.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers = %v, want any page to be allowed to read", got.Header)
	}
	if got := routetest.Post(s.route, request("client_id", public), "", ""); s.kept(got, public).Get("client_id") != public {
		t.Errorf("public client: answer = %d %s", got.Status, got.Body)
	}
	byPost := request("client_id", app, "client_secret", s.secret)
	if params := s.kept(routetest.Post(s.route, byPost, "", ""), app); params.Has("client_secret") {
		t.Errorf("kept = %v, want no secret of the client", params)
	}
	if log := s.Log.String(); strings.Contains(log, "tsp_") || strings.Contains(log, s.secret) || !strings.Contains(log, `"client":"app"`) {
		t.Errorf("log = %s, want the client and no secret", log)
	}
}

// Every refusal of /authorize is answered at once, as JSON, and nothing is kept.
func TestRefusals(t *testing.T) {
	s := newScene(t)
	for _, tt := range []struct {
		name       string
		form       url.Values
		id, secret string
		status     int
		code       string
	}{
		{"nobody", request(), "", "", 401, "invalid_client"},
		{"unknown client", request("client_id", "nobody"), "", "", 401, "invalid_client"},
		{"wrong secret", request(), app, client.NewSecret(), 401, "invalid_client"},
		{"no secret", request("client_id", app), "", "", 401, "invalid_client"},
		{"disabled client", request("client_id", "disabled"), "", "", 401, "invalid_client"},
		{"another client in the form", request("client_id", public), app, s.secret, 400, "invalid_request"},
		{"client without the grant", request("client_id", "machine"), "", "", 400, "unauthorized_client"},
		{"request_uri", request("request_uri", pushed.URIPrefix+"x"), app, s.secret, 400, "invalid_request"},
		{"request object", request("request", "eyJ"), app, s.secret, 400, "request_not_supported"},
		{"no redirect_uri", request("redirect_uri", ""), app, s.secret, 400, "invalid_request"},
		{"foreign redirect_uri", request("redirect_uri", "https://evil.test/cb"), app, s.secret, 400, "invalid_request"},
		{"response_type", request("response_type", "token"), app, s.secret, 400, "unsupported_response_type"},
		{"response_mode", request("response_mode", "fragment"), app, s.secret, 400, "invalid_request"},
		{"no challenge", request("code_challenge", ""), app, s.secret, 400, "invalid_request"},
		{"plain", request("code_challenge_method", "plain"), app, s.secret, 400, "invalid_request"},
		{"scope", request("scope", "orders:delete"), app, s.secret, 400, "invalid_scope"},
		{"identity scope", request("scope", "email"), app, s.secret, 400, "invalid_scope"},
		{"resource", request("resource", "https://evil.test"), app, s.secret, 400, "invalid_target"},
		{"prompt", request("prompt", "none login"), app, s.secret, 400, "invalid_request"},
		{"max_age", request("max_age", "x"), app, s.secret, 400, "invalid_request"},
		{"key", request("dpop_jkt", "x"), app, s.secret, 400, "invalid_request"},
		{"nonce", request("nonce", strings.Repeat("n", 513)), app, s.secret, 400, "invalid_request"},
		{"state", request("state", "a\nb"), app, s.secret, 400, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Post(s.route, tt.form, tt.id, tt.secret)
			if got.Status != tt.status || got.Error() != tt.code || got.Header.Get("Location") != "" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
		})
	}
	for _, body := range []string{
		request("client_id", public).Encode() + "&state=x",
		request("client_id", public).Encode() + "&redirect_uri=" + url.QueryEscape(callback),
		request("client_id", public).Encode() + "&other=" + strings.Repeat("x", 33<<10),
		request("client_id", public).Encode() + "&x=%zz",
	} {
		r := httptest.NewRequest(http.MethodPost, "/par", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := routetest.Do(s.route, r); got.Status != 400 || got.Error() != "invalid_request" {
			t.Errorf("%.60q: answer = %d %s, want 400 invalid_request", body, got.Status, got.Body)
		}
	}
	if got := routetest.Do(s.route, routetest.JSON("/par", "client_id", public)); got.Status != 400 || got.Error() != "invalid_request" {
		t.Errorf("JSON = %d %s, want 400 invalid_request", got.Status, got.Body)
	}
	if got := routetest.Do(s.route, httptest.NewRequest(http.MethodGet, "/par?"+request("client_id", public).Encode(), nil)); got.Status != 405 {
		t.Errorf("GET = %d %s, want 405", got.Status, got.Body)
	}
	if items := s.items(); strings.Contains(items, "par#") {
		t.Errorf("the table holds %s, want no request", items)
	}
}

// items returns all items of the sessions table.
func (s *scene) items() string {
	s.T.Helper()
	out, err := s.DB.Scan(s.T.Context(), &dynamodb.ScanInput{TableName: new(s.Table(contract.Sessions))})
	if err != nil {
		s.T.Fatal(err)
	}
	text, err := json.Marshal(out.Items)
	if err != nil {
		s.T.Fatal(err)
	}
	return string(text)
}

// A client may already name the key that the code is to be bound to: by its
// thumbprint, by a proof, or by both if they are of one key (RFC 9449 §10.1).
func TestKeys(t *testing.T) {
	s := newScene(t)
	owner, other := s.Prover(), s.Prover()
	form := func(changes ...string) *http.Request {
		return routetest.Form("/par", request(append(changes, "client_id", public)...))
	}
	for name, tt := range map[string]struct {
		r    *http.Request
		want string
	}{
		"none":     {form(), ""},
		"by name":  {form("dpop_jkt", owner.JKT), owner.JKT},
		"by proof": {owner.Prove(form(), "/par"), owner.JKT},
		"by both":  {owner.Prove(form("dpop_jkt", owner.JKT), "/par"), owner.JKT},
	} {
		if got := s.kept(routetest.Do(s.route, tt.r), public).Get("dpop_jkt"); got != tt.want {
			t.Errorf("%s: the code will be bound to %q, want %q", name, got, tt.want)
		}
	}
	replayed := owner.Prove(form(), "/par")
	again := form()
	again.Header = replayed.Header.Clone()
	s.kept(routetest.Do(s.route, replayed), public)
	for name, r := range map[string]*http.Request{
		"another key than was named": other.Prove(form("dpop_jkt", owner.JKT), "/par"),
		"a proof for another place":  owner.Prove(form(), "/token"),
		"a proof that was used":      again,
	} {
		if got := routetest.Do(s.route, r); got.Status != 400 || got.Error() != "invalid_dpop_proof" {
			t.Errorf("%s: answer = %d %s, want 400 invalid_dpop_proof", name, got.Status, got.Body)
		}
	}
}

// A client that must prove a key need not do so here. If it does, it is asked for a
// nonce as at every endpoint.
func TestClientThatMustProveAKey(t *testing.T) {
	s := newScene(t)
	s.kept(routetest.Post(s.route, request("client_id", "proving"), "", ""), "proving")
	r := s.Prover().Prove(routetest.Form("/par", request("client_id", "proving")), "/par")
	if got := routetest.Do(s.route, r); got.Status != 400 || got.Error() != "use_dpop_nonce" || got.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("a proof without a nonce = %d %s %v, want use_dpop_nonce with one", got.Status, got.Body, got.Header)
	}
}

// A table that does not answer is not the client's fault.
func TestOutage(t *testing.T) {
	s := newScene(t)
	s.pushed.Sessions = "no-such-table"
	got := routetest.Post(s.route, request("client_id", public), "", "")
	if got.Status != 503 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" || strings.Contains(got.Body, "no-such-table") {
		t.Errorf("answer = %d %s, want 503 temporarily_unavailable", got.Status, got.Body)
	}
}

// TestKeycloakCVE202616093SecretInsteadOfAKey: a client with private_key_jwt does not
// authenticate with a secret, nor with a secret and an invalid assertion.
func TestKeycloakCVE202616093SecretInsteadOfAKey(t *testing.T) {
	s := newScene(t)
	secret := s.Register(s.client("signing", func(c *client.Client) { c.AuthMethods = []string{oauth.PrivateKeyJWT} }))
	for name, form := range map[string]url.Values{
		"a secret":          request("client_id", "signing", "client_secret", secret),
		"a secret and junk": request("client_id", "signing", "client_secret", secret, "client_assertion", "eyJ.eyJ.x", "client_assertion_type", clientauth.AssertionType),
		"junk":              request("client_id", "signing", "client_assertion", "eyJ.eyJ.x", "client_assertion_type", clientauth.AssertionType),
		"nothing":           request("client_id", "signing"),
	} {
		if got := routetest.Post(s.route, form, "", ""); got.Status == 201 || got.Error() != "invalid_client" && got.Error() != "invalid_request" {
			t.Errorf("%s: answer = %d %s, want a refusal", name, got.Status, got.Body)
		}
	}
}

// Only a limited number of requests of unauthenticated clients is kept.
func TestFlood(t *testing.T) {
	s := newScene(t)
	for i := range throttle.PerMinute + 1 {
		got := routetest.Post(s.route, request("client_id", public), "", "")
		if i < throttle.PerMinute && got.Status != 201 {
			t.Fatalf("request %d = %d %s, want 201", i, got.Status, got.Body)
		}
		if i == throttle.PerMinute && (got.Status != 429 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "") {
			t.Errorf("request %d = %d %s, want 429 temporarily_unavailable", i, got.Status, got.Body)
		}
	}
}
