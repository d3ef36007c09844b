package upstream_test

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	route "github.com/tipstaff/tipstaff/shared/route/upstream"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
)

// start is the path at which a sign-in at the upstream of a scene begins.
const start = "/upstream/work"

// scene is a stage with an upstream called "work", which accepts every account.
type scene struct {
	*pagetest.Stage
	server  *upstreamtest.Server
	route   http.Handler
	links   *external.Store
	tickets *onetime.Store
}

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{Stage: pagetest.New(t), server: upstreamtest.OIDC(t)}
	s.server.Now = func() time.Time { return s.Time }
	s.links = &external.Store{DB: s.DB, Registry: s.Table(contract.Registry), People: s.People(), Now: s.Now}
	s.tickets = &onetime.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Trail: s.Trail(), Now: s.Now}
	s.offer("work", func(*upstream.Upstream) {})
	s.reopen()
	return s
}

// reopen builds the route again, with nothing remembered.
func (s *scene) reopen() {
	s.route = s.Route(contract.Upstream, &route.Handler{
		Issuer:    routetest.Issuer,
		Upstreams: &upstream.Store{DB: s.DB, Registry: s.Table(contract.Registry), Now: s.Now},
		Party: &relying.Party{
			Issuer: routetest.Issuer, Now: s.Now,
			Secret: func(context.Context, string) (string, error) { return s.server.Secret, nil },
		},
		Journeys: &relying.Journeys{
			DB: s.DB, Sessions: s.Table(contract.Sessions), Now: s.Now, Box: &opaque.Box{Kind: opaque.UpstreamState, Keys: s.MACKey},
		},
		Links: s.links, OneTime: s.tickets, People: s.People(), Forms: s.Forms(), Now: s.Now,
		Flow:     &signin.Flow{Browser: s.Browser(), Steps: &opaque.Box{Kind: opaque.SignInStep, Keys: s.MACKey}, Now: s.Now},
		Throttle: &throttle.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Key: s.ThrottleKey, Now: s.Now},
		Refusals: &audit.Refusals{DB: s.DB, Sessions: s.Table(contract.Sessions), Trail: s.Trail()},
	})
}

// offer stores an upstream at the server of the scene.
func (s *scene) offer(id string, change func(*upstream.Upstream)) {
	s.T.Helper()
	u := &upstream.Upstream{
		ID: id, Name: "Work & Co", Type: upstream.TypeOIDC, Issuer: s.server.URL, ClientID: s.server.ClientID,
		Scopes: upstream.DefaultScopes(upstream.TypeOIDC), FirstSignIn: upstream.FirstCreate, Revision: 1,
	}
	change(u)
	table := s.Table(contract.Registry)
	if _, err := s.DB.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &table, Item: upstream.Encode(u)}); err != nil {
		s.T.Fatal(err)
	}
}

// open starts a browser, with a login or "".
func (s *scene) open(login string) *pagetest.Browser { return pagetest.Open(s.route, login) }

// there sends a browser to the upstream and returns the path at which it returns.
func (s *scene) there(b *pagetest.Browser, path string) string {
	s.T.Helper()
	a := b.Get(path)
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), s.server.URL) {
		s.T.Fatalf("GET %s = %d to %q, want 303 to the upstream: %.600s", path, a.Status, a.Header.Get("Location"), a.Body)
	}
	back := s.server.Visit(s.T, a.Header.Get("Location"))
	if origin := back.Scheme + "://" + back.Host; origin != routetest.Issuer {
		s.T.Fatalf("the upstream sends the browser to %s", origin)
	}
	return back.RequestURI()
}

// visit sends a browser to the upstream and back.
func (s *scene) visit(b *pagetest.Browser, path string) routetest.Answer {
	s.T.Helper()
	return b.Get(s.there(b, path))
}

// inside returns the login of a browser, nil if it has none.
func (s *scene) inside(b *pagetest.Browser) *session.Login {
	s.T.Helper()
	l, err := s.Sessions().LoginByCookie(context.Background(), b.Cookies[websec.SessionCookie])
	if err != nil {
		return nil
	}
	return l
}

// refused fails the test unless an answer is a page with that status and text, and no
// user is signed in.
func (s *scene) refused(b *pagetest.Browser, a routetest.Answer, status int, text string) {
	s.T.Helper()
	if a.Status != status || !strings.Contains(html.UnescapeString(a.Body), text) || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		s.T.Errorf("answer = %d %.700s, want %d with %q", a.Status, a.Body, status, text)
	}
	if l := s.inside(b); l != nil {
		s.T.Errorf("%s is signed in", l.Subject)
	}
}

// people returns all users.
func (s *scene) people() []*identity.User {
	s.T.Helper()
	table := s.Table(contract.Registry)
	out, err := s.DB.Scan(context.Background(), &dynamodb.ScanInput{
		TableName: &table, ConsistentRead: new(true),
		FilterExpression: new("sk = :user"), ExpressionAttributeValues: dynamo.Item{":user": dynamo.Text(contract.UserSort)},
	})
	if err != nil {
		s.T.Fatal(err)
	}
	var all []*identity.User
	for _, it := range out.Items {
		u, err := identity.Decode(it)
		if err != nil {
			s.T.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

// attach links the account of the scene to a user, as if they had done so before.
func (s *scene) attach(subject string, a upstreamtest.Account) *external.Link {
	s.T.Helper()
	user, err := s.People().Get(context.Background(), subject)
	if err != nil {
		s.T.Fatal(err)
	}
	l, writes, err := s.links.Adding(s.T.Context(), subject, external.Account{Issuer: s.server.URL, Subject: a.Subject, Upstream: "work"}, nil)
	if err != nil {
		s.T.Fatal(err)
	}
	if err := dynamo.Tx(append(writes, s.People().Changing(user, dynamo.Changes{}))).Run(context.Background(), s.DB); err != nil {
		s.T.Fatal(err)
	}
	return l
}

// flag sets an attribute of a user to true.
func (s *scene) flag(subject, attribute string) {
	s.T.Helper()
	table := s.Table(contract.Registry)
	_, err := s.DB.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: dynamo.UserKey(subject), UpdateExpression: new("SET #a = :yes"),
		ExpressionAttributeNames: map[string]string{"#a": attribute}, ExpressionAttributeValues: dynamo.Item{":yes": dynamo.Flag(true)},
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

// raise makes the first write of a sign-out everywhere, which the logins of the user
// outlive for a moment.
func (s *scene) raise(subject string) {
	s.T.Helper()
	table := s.Table(contract.Registry)
	_, err := s.DB.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{
		TableName: &table, Key: dynamo.UserKey(subject), UpdateExpression: new("ADD #gen :one"),
		ExpressionAttributeNames:  map[string]string{"#gen": dynamo.AttrAuthGen},
		ExpressionAttributeValues: dynamo.Item{":one": dynamo.Number(1)},
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

// offered returns the path at which a user links an account, as the account page of
// their login offers it in this browser.
func (s *scene) offered(b *pagetest.Browser, upstreamID, login string) string {
	s.T.Helper()
	r := httptest.NewRequest(http.MethodGet, "/account", nil)
	for name, value := range b.Cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	token, err := s.Forms().Token(context.Background(), w, r, upstream.LinkPurpose(upstreamID, login))
	if err != nil {
		s.T.Fatal(err)
	}
	for _, c := range w.Result().Cookies() {
		b.Cookies[c.Name] = c.Value
	}
	return "/upstream/" + upstreamID + "?" + url.Values{"link": {token}}.Encode()
}

// stored returns all items of all tables, as text.
func (s *scene) stored() string {
	s.T.Helper()
	var all strings.Builder
	for _, t := range contract.Tables {
		table := s.Table(t.Name)
		out, err := s.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: new(true)})
		if err != nil {
			s.T.Fatal(err)
		}
		for _, it := range out.Items {
			write(&all, &types.AttributeValueMemberM{Value: it})
		}
	}
	return all.String()
}

func write(all *strings.Builder, v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		all.WriteString(v.Value + "\n")
	case *types.AttributeValueMemberB:
		all.Write(append(v.Value, '\n'))
	case *types.AttributeValueMemberM:
		for _, inner := range v.Value {
			write(all, inner)
		}
	case *types.AttributeValueMemberL:
		for _, inner := range v.Value {
			write(all, inner)
		}
	}
}
