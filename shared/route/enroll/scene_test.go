package enroll_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/route/enroll"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

const (
	recoverPath = "/recover"
	invitePath  = "/invite"
	// good is a password that no user has yet.
	good = "four owls on the roof"
)

// scene is the route in a stage with a user, ada, who has routetest.Password.
type scene struct {
	*routetest.Home
	route http.Handler
	// meanwhile, if set, is called once, right before the next transaction of the
	// route.
	meanwhile func()
}

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{Home: routetest.Furnish(t)}
	direct := s.DB
	s.DB = dynamodb.New(direct.Options(), func(o *dynamodb.Options) { o.HTTPClient = &late{next: o.HTTPClient, scene: s} })
	s.route = s.Route(contract.Enroll, &enroll.Handler{
		Issuer: routetest.Issuer, OneTime: s.tickets(), People: s.People(), Passkeys: s.Passkeys(), Codes: s.SecondSteps(), Credentials: s.Credentials(),
		Upstreams: &upstream.Store{DB: s.DB, Registry: s.Table(contract.Registry), Now: s.Now},
		Throttle:  s.Throttle(), Forms: s.Forms(), Flow: s.Flow(),
		Asking: &enroll.Asking{
			Issuer: routetest.Issuer, People: s.People(), Throttle: s.Throttle(), Forms: s.Forms(),
			Requests: &recovery.Queue{Kind: recovery.Requests, DB: s.DB, Table: s.Table(contract.Sessions), Now: s.Now},
		},
	})
	s.DB = direct
	return s
}

// late lets something happen between the reads of the route and its transaction.
type late struct {
	next  aws.HTTPClient
	scene *scene
}

func (l *late) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") && l.scene.meanwhile != nil {
		happen := l.scene.meanwhile
		l.scene.meanwhile = nil
		happen()
	}
	return l.next.Do(r)
}

func (s *scene) tickets() *onetime.Store {
	return &onetime.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Trail: s.Trail(), Now: s.Now}
}

// link makes a link and returns its text.
func (s *scene) link(n onetime.New) string {
	s.T.Helper()
	n.Actor = "operator"
	_, text, err := s.tickets().Create(context.Background(), n)
	if err != nil {
		s.T.Fatal(err)
	}
	return text
}

// recovers is a recovery link of a user.
func (s *scene) recovers(subject string) string {
	s.T.Helper()
	return s.link(onetime.New{Kind: onetime.Recover, User: s.user(subject)})
}

func (s *scene) user(subject string) *identity.User {
	s.T.Helper()
	u, err := s.People().Get(context.Background(), subject)
	if err != nil {
		s.T.Fatal(err)
	}
	return u
}

// named returns the user with a user name, or nil.
func (s *scene) named(userName string) *identity.User {
	s.T.Helper()
	u, err := s.People().Find(context.Background(), userName)
	if err != nil && !errors.Is(err, identity.ErrUnknown) {
		s.T.Fatal(err)
	}
	return u
}

// knows reports whether a password is the one of a user.
func (s *scene) knows(subject, password string) bool {
	s.T.Helper()
	ok, _, err := s.People().Check(context.Background(), s.user(subject), password)
	if err != nil {
		s.T.Fatal(err)
	}
	return ok
}

// open follows a link in a browser and returns the form of the page.
func (s *scene) open(b *pagetest.Browser, path, link string) url.Values {
	s.T.Helper()
	got := b.Get(path + "?link=" + link)
	return s.form(got, 200)
}

// form is the first form of a page, as it would be sent without any typing.
func (s *scene) form(got routetest.Answer, status int) url.Values {
	s.T.Helper()
	forms := pagetest.Forms(got.Body)
	if got.Status != status || len(forms) == 0 {
		s.T.Fatalf("answer = %d %s, want %d with a form", got.Status, main(got), status)
	}
	if options := optionsIn.FindStringSubmatch(got.Body); options != nil {
		forms[0].Set("options", html.UnescapeString(options[1]))
	}
	return forms[0]
}

// main is what a page says.
func main(got routetest.Answer) string {
	_, content, _ := strings.Cut(got.Body, "<main")
	return content
}

var optionsIn = regexp.MustCompile(`data-options="([^"]*)"`)

// with is a form with other values in it, which are pairs of names and values, and
// without the options for the browser.
func with(form url.Values, pairs ...string) url.Values {
	filled := url.Values{}
	for name, values := range form {
		if name != "options" {
			filled[name] = values
		}
	}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		filled.Set(pairs[0], pairs[1])
	}
	return filled
}

// withPassword is a form in which a password was chosen.
func withPassword(form url.Values, password string, pairs ...string) url.Values {
	return with(form, append([]string{"password", password, "again", password}, pairs...)...)
}

// login is the session of a browser, or nil.
func (s *scene) login(b *pagetest.Browser) *session.Login {
	s.T.Helper()
	l, err := s.Sessions().LoginByCookie(context.Background(), b.Cookies[websec.SessionCookie])
	if errors.Is(err, session.ErrEnded) {
		return nil
	}
	if err != nil {
		s.T.Fatal(err)
	}
	return l
}

// in fails unless an answer signed the user in, with this amr.
func (s *scene) in(b *pagetest.Browser, got routetest.Answer, subject, amr string) {
	s.T.Helper()
	l := s.login(b)
	if got.Status != 303 || got.Header.Get("Location") != "/account" || l == nil || l.Subject != subject || strings.Join(l.AMR, " ") != amr {
		s.T.Fatalf("answer = %d to %q %s, login %+v, want %s signed in by %s", got.Status, got.Header.Get("Location"), main(got), l, subject, amr)
	}
}

// says fails unless an answer is a page with a text in it and no user was signed in.
func (s *scene) says(b *pagetest.Browser, got routetest.Answer, status int, text string) {
	s.T.Helper()
	if got.Status != status || !strings.Contains(html.UnescapeString(got.Body), text) || got.Cookie(websec.SessionCookie) != nil {
		s.T.Errorf("answer = %d %s %v, want %d with %q and no session", got.Status, main(got), b.Cookies, status, text)
	}
}

// unused fails unless a link is still valid.
func (s *scene) unused(link string, kind onetime.Kind) {
	s.T.Helper()
	if _, err := s.tickets().Open(context.Background(), link, kind); err != nil {
		s.T.Errorf("Open = %v, want the link to be good still", err)
	}
}

// count is how many items of the registry have a sort key.
func (s *scene) count(sk string) int {
	s.T.Helper()
	n := 0
	for _, it := range s.scan(contract.Registry) {
		if v, ok := it["sk"].(*types.AttributeValueMemberS); ok && strings.HasPrefix(v.Value, sk) {
			n++
		}
	}
	return n
}

func (s *scene) scan(table contract.Resource) []map[string]types.AttributeValue {
	s.T.Helper()
	name := s.Table(table)
	out, err := s.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: &name, ConsistentRead: new(true)})
	if err != nil {
		s.T.Fatal(err)
	}
	return out.Items
}

// dump is all that is in the tables.
func (s *scene) dump() string {
	s.T.Helper()
	var all strings.Builder
	for _, table := range []contract.Resource{contract.Sessions, contract.Registry, contract.Audit} {
		for _, it := range s.scan(table) {
			spell(&all, &types.AttributeValueMemberM{Value: it})
		}
	}
	return all.String()
}

func spell(to *strings.Builder, v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberM:
		for name, member := range v.Value {
			_, _ = fmt.Fprintf(to, "%s=", name)
			spell(to, member)
		}
	case *types.AttributeValueMemberL:
		for _, member := range v.Value {
			spell(to, member)
		}
	case *types.AttributeValueMemberS:
		_, _ = fmt.Fprintln(to, v.Value)
	case *types.AttributeValueMemberB:
		_, _ = fmt.Fprintf(to, "%x %s\n", v.Value, v.Value)
	}
}

// disable disables a user, as an operator does.
func (s *scene) disable(subject string) {
	s.T.Helper()
	_, err := s.Sessions().ChangeUser(context.Background(), subject, admin.Disabled(), session.Cause{Why: session.Disabled})
	if err != nil {
		s.T.Fatal(err)
	}
}

// remove removes a user from the registry.
func (s *scene) remove(subject string) {
	s.T.Helper()
	table := s.Table(contract.Registry)
	if _, err := s.DB.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: &table, Key: dynamo.UserKey(subject)}); err != nil {
		s.T.Fatal(err)
	}
}
