package authorize_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/route/authorize"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// The clients of the stage.
const (
	own      = "own"      // the operator's own
	others   = "others"   // a third party's
	native   = "native"   // a program on people's devices, the operator's own
	strict   = "strict"   // must push its requests
	machine  = "machine"  // acts for itself
	disabled = "disabled" // may do nothing any more

	callback = "https://app.example.com/cb"
	orders   = "https://orders.example.com"
	billing  = "https://billing.example.com"
	thumb    = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

// challenge is a good code_challenge.
var challenge = func() string {
	sum := sha256.Sum256([]byte("a verifier of forty-three characters or more"))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}()

// scene is a stage with clients, a user and the route.
type scene struct {
	*pagetest.Stage
	handler *authorize.Handler
	route   http.Handler
	wire    *wire
	// ada is a user who is signed in with the cookie.
	ada, cookie string
	login       *session.Login
}

// wire counts the calls to AWS, and those of them that may change something.
type wire struct {
	aws.HTTPClient
	calls, writes atomic.Int64
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.calls.Add(1)
	if op := r.Header.Get("X-Amz-Target"); !strings.HasSuffix(op, ".GetItem") && !strings.HasSuffix(op, ".Query") {
		w.writes.Add(1)
	}
	return w.HTTPClient.Do(r)
}

func (w *wire) reset() { w.calls.Store(0); w.writes.Store(0) }

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{Stage: pagetest.New(t)}
	options := s.DB.Options()
	s.wire = &wire{HTTPClient: options.HTTPClient}
	s.DB = dynamodb.New(options, func(o *dynamodb.Options) { o.HTTPClient = s.wire })
	s.Protect(client.Resource{ID: orders, Name: "Order API", Algorithm: oauth.ES256, SelfRegistered: []string{"orders:read"}, Scopes: []client.Scope{
		{Name: "orders:read", Description: "See your orders"}, {Name: "orders:write", Description: "Order for you"}, {Name: "orders:all"},
	}})
	s.Protect(client.Resource{ID: billing, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "billing:read"}}})
	s.add(own, func(c *client.Client) { c.FirstParty = true })
	s.add(others, func(c *client.Client) { c.Name = "Orders <app>" })
	s.add(native, func(c *client.Client) {
		c.FirstParty = true
		c.RedirectURIs = []string{"http://127.0.0.1/cb", "http://[::1]:9000/cb", "com.example.app:/cb"}
	})
	s.add(strict, func(c *client.Client) { c.FirstParty, c.RequirePAR = true, true })
	s.add(machine, func(c *client.Client) { c.Grants = []string{oauth.GrantClientCredentials} })
	s.add(disabled, func(c *client.Client) { c.Disabled = true })
	s.ada = s.Person("ada", "Ada Lovelace")
	s.login, s.cookie = s.Login(s.ada)
	s.Pass(10 * time.Second)
	s.rebuild()
	return s
}

// rebuild makes a new route, with empty caches.
func (s *scene) rebuild() {
	clients := s.Clients()
	s.handler = &authorize.Handler{
		Issuer: routetest.Issuer, Clients: clients, Audience: &audience.Resolver{Issuer: routetest.Issuer, Clients: clients},
		Pushed:  &par.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Now: s.Now},
		Browser: s.Browser(), Codes: s.Codes(), Now: s.Now, Forms: s.Forms(),
		Consents: &consent.Store{DB: s.DB, Registry: s.Table(contract.Registry), Trail: s.Trail(), Now: s.Now},
	}
	s.route = s.Route(contract.Authorize, s.handler)
}

// add registers a client for everything there is, as change says.
func (s *scene) add(id string, change func(*client.Client)) {
	s.T.Helper()
	c := client.Client{
		ID: id, AuthMethods: []string{oauth.AuthNone}, Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
		RedirectURIs: []string{callback, callback + "?tenant=1"}, Identity: oauth.IdentityScopes,
		Idle: client.DefaultIdle, Absolute: client.DefaultAbsolute,
		Access: []client.Access{
			{Resource: orders, Scopes: []string{"orders:read", "orders:write", "orders:all"}}, {Resource: billing, Scopes: []string{"billing:read"}},
		},
	}
	change(&c)
	s.Register(c)
}

// request is a good request of a client, with pairs of changes; an empty value
// takes a parameter away.
func request(id string, changes ...string) url.Values {
	q := url.Values{
		"client_id": {id}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"s t+ä&=%"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for ; len(changes) > 1; changes = changes[2:] {
		q.Set(changes[0], changes[1])
		if changes[1] == "" {
			q.Del(changes[0])
		}
	}
	return q
}

// get brings a request to the route in a browser.
func get(b *pagetest.Browser, q url.Values) routetest.Answer {
	return b.Get("/authorize?" + q.Encode())
}

// signedIn is a browser of ada's.
func (s *scene) signedIn() *pagetest.Browser { return pagetest.Open(s.route, s.cookie) }

// A browser without a session.
func (s *scene) nobody() *pagetest.Browser { return pagetest.Open(s.route, "") }

// sent is what an answer sends to the client, which must be at the address.
func (s *scene) sent(a routetest.Answer, address string) url.Values {
	s.T.Helper()
	location := a.Header.Get("Location")
	rest, ok := strings.CutPrefix(location, address)
	if a.Status != 302 && a.Status != 303 || !ok || rest == "" || rest[0] != '?' && rest[0] != '&' {
		s.T.Fatalf("answer = %d to %q, want a redirect to %s:\n%s", a.Status, location, address, a.Body)
	}
	fields, err := url.ParseQuery(rest[1:])
	if err != nil {
		s.T.Fatalf("Location %q: %v", location, err)
	}
	for name, values := range fields {
		if len(values) != 1 {
			s.T.Errorf("Location %q has %s %d times", location, name, len(values))
		}
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		s.T.Errorf("a redirect with %v may be kept: %v", fields, a.Header)
	}
	return fields
}

// let returns the authorization code of an answer.
func (s *scene) let(a routetest.Answer) *session.Code {
	s.T.Helper()
	return s.opened(s.sent(a, callback).Get("code"))
}

func (s *scene) opened(code string) *session.Code {
	s.T.Helper()
	c, err := s.Codes().Open(s.T.Context(), code)
	if err != nil {
		s.T.Fatalf("code %q: %v", code, err)
	}
	return c
}

// way is one parameter of the address of /login to which an answer redirects.
func (s *scene) way(a routetest.Answer) url.Values {
	s.T.Helper()
	rest, ok := strings.CutPrefix(a.Header.Get("Location"), "/login?")
	fields, err := url.ParseQuery(rest)
	if a.Status != 303 || !ok || err != nil {
		s.T.Fatalf("answer = %d to %q, want 303 to the sign-in:\n%s", a.Status, a.Header.Get("Location"), a.Body)
	}
	return fields
}

// asked is the form of the question that an answer shows.
func (s *scene) asked(a routetest.Answer) url.Values {
	s.T.Helper()
	forms := pagetest.Forms(a.Body)
	if a.Status != 200 || len(forms) != 1 || forms[0].Get("csrf") == "" {
		s.T.Fatalf("answer = %d to %q, want the question:\n%s", a.Status, a.Header.Get("Location"), a.Body)
	}
	return forms[0]
}

// choose is a form with the button that was pressed.
func choose(form url.Values, decision string) url.Values {
	out := maps.Clone(form)
	out.Set("decision", decision)
	return out
}

var markup = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`)

// words are the text of a page.
func words(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(markup.ReplaceAllString(page, " "))), " ")
}
