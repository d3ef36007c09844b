package account_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/route/account"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

func route(s *pagetest.Stage) http.Handler { return s.Route(contract.Account, handler(s)) }

func handler(s *pagetest.Stage) *account.Handler {
	return &account.Handler{
		Issuer: routetest.Issuer, Browser: s.Browser(), Sessions: s.Sessions(), Clients: s.Clients(), Forms: s.Forms(), Now: s.Now,
		Consents: consents(s), Passkeys: s.Passkeys(), Trail: s.Trail(), Credentials: s.Credentials(), Flow: s.Flow(),
	}
}

func consents(s *pagetest.Stage) *consent.Store {
	return &consent.Store{DB: s.DB, Registry: s.Table(contract.Registry), Trail: s.Trail(), Now: s.Now}
}

func links(s *pagetest.Stage) *external.Store {
	return &external.Store{DB: s.DB, Registry: s.Table(contract.Registry), Now: s.Now}
}

// form returns the first form of a page with that action, and that id if it is
// not empty.
func form(t *testing.T, page, action, id string) url.Values {
	t.Helper()
	for _, f := range pagetest.Forms(page) {
		if f.Get("action") == action && (id == "" || f.Get("id") == id) {
			return f
		}
	}
	t.Fatalf("the page has no form to %s %s:\n%s", action, id, page)
	return nil
}

// with is a copy of a form with other fields, given as pairs.
func with(form url.Values, pairs ...string) url.Values {
	changed := url.Values{}
	for name := range form {
		changed.Set(name, form.Get(name))
	}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		changed.Set(pairs[0], pairs[1])
	}
	return changed
}

// scene is a stage with the user ada, who is signed in with the password of all tests.
type scene struct {
	*pagetest.Stage
	t *testing.T
	*pagetest.Browser
	ada string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{Stage: pagetest.New(t), t: t}
	s.ada = s.AddUser("ada")
	s.Browser = s.at(s.ada)
	return s
}

// at is another browser in which a user has just signed in.
func (s *scene) at(subject string) *pagetest.Browser {
	s.t.Helper()
	_, cookie := s.Stage.Stage.Login(subject)
	return pagetest.Open(route(s.Stage), cookie)
}

// device gives a user a passkey.
func (s *scene) device(subject string) *passkey.Passkey {
	s.t.Helper()
	return s.AddPasskey(subject, s.Authenticator())
}

const (
	upstreamID     = "example"
	upstreamIssuer = "https://id.example.org"
)

// upstream adds an upstream provider to the stage.
func (s *scene) upstream(change func(*upstream.Upstream)) {
	s.t.Helper()
	u := &upstream.Upstream{
		ID: upstreamID, Name: "Example", Type: upstream.TypeOIDC, Issuer: upstreamIssuer, ClientID: "tipstaff",
		FirstSignIn: upstream.FirstInvitation, Revision: 1,
	}
	if change != nil {
		change(u)
	}
	s.write(dynamo.Put(s.Table(contract.Registry), upstream.Encode(u)))
}

// link links a user to an account at an upstream.
func (s *scene) link(subject, name string) *external.Link {
	s.t.Helper()
	l, writes, err := links(s.Stage).Adding(s.t.Context(), subject, external.Account{Issuer: upstreamIssuer, Subject: name, Upstream: upstreamID, Label: name}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(writes...)
	return l
}

func (s *scene) write(writes ...dynamo.Write) {
	s.t.Helper()
	if err := dynamo.Tx(writes).Run(context.Background(), s.DB); err != nil {
		s.t.Fatal(err)
	}
}

// ways is how ada signs in: the passkeys, whether there is a password and an app, and
// the links.
func (s *scene) ways() (passkeys []passkey.Passkey, password, app bool, all []external.Link) {
	s.t.Helper()
	ctx := context.Background()
	u, err := s.People().Get(ctx, s.ada)
	if err != nil {
		s.t.Fatal(err)
	}
	if passkeys, err = s.Passkeys().Store.List(ctx, s.ada); err != nil {
		s.t.Fatal(err)
	}
	if all, err = links(s.Stage).List(ctx, s.ada); err != nil {
		s.t.Fatal(err)
	}
	return passkeys, u.HasPassword(), u.OTP, all
}

// count is how many ways in ada has.
func (s *scene) count() int {
	s.t.Helper()
	passkeys, password, _, all := s.ways()
	n := len(passkeys) + len(all)
	if password {
		n++
	}
	return n
}

// signsIn reports whether a password is ada's.
func (s *scene) signsIn(password string) bool {
	s.t.Helper()
	u, err := s.People().Get(context.Background(), s.ada)
	if err != nil {
		s.t.Fatal(err)
	}
	ok, _, err := s.People().Check(context.Background(), u, password)
	if err != nil {
		s.t.Fatal(err)
	}
	return ok
}

// forget takes ada's password away.
func (s *scene) forget() {
	s.t.Helper()
	u, err := s.People().Get(context.Background(), s.ada)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(s.People().Changing(u, dynamo.Changes{Remove: []string{identity.AttrPassword}}))
}

// everything is the content of the registry and the trail, to see whether a request has
// changed it.
func (s *scene) everything() string {
	s.t.Helper()
	var lines []string
	for _, r := range []contract.Resource{contract.Registry, contract.Audit} {
		out, err := s.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: new(s.Table(r)), ConsistentRead: new(true)})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, it := range out.Items {
			line, err := json.Marshal(it)
			if err != nil {
				s.t.Fatal(err)
			}
			lines = append(lines, string(line))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// enroll sets up an app at the page and returns its secret and the recovery codes.
func (s *scene) enroll() (secret string, recovery []string) {
	s.t.Helper()
	page := s.Get("/account?open=add-otp").Body
	secret = one(s.t, page, secrets)
	got := s.Post("/account", with(form(s.t, page, "add-otp", ""), "code", code(s.t, secret, s.Time)))
	says(s.t, "setting up an app", got, http.StatusOK, "Your recovery codes")
	return secret, recoveryCodes(got.Body)
}

// accountFunction is the function of the route in the contract.
var accountFunction = contract.Account

// change changes ada's item as another request does, and leaves the sessions as they
// are, as if the tested request had read them before.
func (s *scene) change(c dynamo.Changes) {
	s.t.Helper()
	s.write(dynamo.Update(s.Table(contract.Registry), dynamo.UserKey(s.ada), c))
}

// meanwhile is the stage for a request with a concurrent change right before its first
// transaction is written.
func meanwhile(s *pagetest.Stage, something func()) *pagetest.Stage {
	there := *s.Stage
	next := there.DB.Options().HTTPClient
	there.DB = dynamodb.New(there.DB.Options(), func(o *dynamodb.Options) {
		o.HTTPClient = &interruption{next: next, something: something}
	})
	return &pagetest.Stage{Stage: &there}
}

type interruption struct {
	next      aws.HTTPClient
	something func()
}

func (i *interruption) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") && i.something != nil {
		i.something()
		i.something = nil
	}
	return i.next.Do(r)
}

// cookie is a browser with a session cookie and nothing else.
func (s *scene) cookie(value string) *pagetest.Browser {
	return pagetest.Open(route(s.Stage), value)
}

// renew has ada prove who she is once more at the browser, as a sign-in there does.
func (s *scene) renew() {
	s.t.Helper()
	ctx := context.Background()
	l, err := s.Sessions().LoginByCookie(ctx, s.Cookies[websec.SessionCookie])
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := s.People().Get(ctx, s.ada)
	if err != nil {
		s.t.Fatal(err)
	}
	_, cookie, err := s.Sessions().RenewLogin(ctx, l, session.NewLogin{Subject: s.ada, AuthGen: u.AuthGen, AuthTime: s.Time, AMR: l.AMR})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Cookies[websec.SessionCookie] = cookie
}
