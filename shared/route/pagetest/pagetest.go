// Package pagetest gives the tests of pages a user and a browser. The browser keeps
// cookies, sends the headers that tell where a request comes from, and fills in the
// forms that it was shown.
package pagetest

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Firefox is the User-Agent of the browser, and address its network address.
const (
	Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
	address = "203.0.113.7"
)

// Stage is a stage with users.
type Stage struct{ *routetest.Stage }

// New returns a stage without users and sessions.
func New(t testing.TB) *Stage {
	t.Helper()
	return &Stage{routetest.New(t)}
}

// Person registers a user of that user name and returns their subject.
func (s *Stage) Person(userName, name string) string {
	s.T.Helper()
	u := &identity.User{Subject: identity.NewSubject(s.Time), UserName: userName, Name: name, Email: userName + "@example.com", Revision: 1}
	s.Store(u)
	return u.Subject
}

// Store writes a user without changes.
func (s *Stage) Store(u *identity.User) {
	s.T.Helper()
	table := s.Table(contract.Registry)
	err := dynamo.Tx{dynamo.Put(table, identity.Encode(u)), dynamo.Put(table, identity.EncodeName(u))}.Run(context.Background(), s.DB)
	if err != nil {
		s.T.Fatal(err)
	}
}

// Login signs a user in with Firefox and returns the login and its cookie.
func (s *Stage) Login(subject string) (*session.Login, string) {
	s.T.Helper()
	l, cookie, err := s.Sessions().CreateLogin(context.Background(), session.NewLogin{
		Subject: subject, AuthTime: s.Time, AMR: []string{"pwd"}, ClientInfo: session.NewClientInfo(address, Firefox),
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return l, cookie
}

// Grant creates a grant for a client, under a login session or under none.
func (s *Stage) Grant(subject, client, login string) *session.Grant {
	s.T.Helper()
	g, err := s.Sessions().CreateGrant(context.Background(), session.NewGrant{
		Subject: subject, Client: client, AuthTime: s.Time, Login: login,
		Idle: 24 * time.Hour, Absolute: 30 * 24 * time.Hour, ClientInfo: session.NewClientInfo("198.51.100.9", "Orders/1.0 (iPhone)"),
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return g
}

// Live returns the ids of the live sessions of a user.
func (s *Stage) Live(subject string) map[string]bool {
	s.T.Helper()
	items, err := s.Sessions().List(context.Background(), subject)
	if err != nil {
		s.T.Fatal(err)
	}
	live := map[string]bool{}
	for _, i := range items {
		live[i.ID] = true
	}
	return live
}

// Browser is a browser with its cookies.
type Browser struct {
	Route   http.Handler
	Cookies map[string]string
}

// Open starts a browser at a route. The login is its cookie, or "".
func Open(route http.Handler, login string) *Browser {
	b := &Browser{Route: route, Cookies: map[string]string{}}
	if login != "" {
		b.Cookies[websec.SessionCookie] = login
	}
	return b
}

// Get follows a link.
func (b *Browser) Get(path string) routetest.Answer {
	return b.send(httptest.NewRequest(http.MethodGet, path, nil))
}

// Post sends a form from a page of the stage.
func (b *Browser) Post(path string, form url.Values) routetest.Answer {
	return b.PostFrom(path, form, routetest.Issuer, "same-origin")
}

// PostFrom sends a form from a page of another origin, with the Origin and
// Sec-Fetch-Site headers of a browser. An empty header is not sent.
func (b *Browser) PostFrom(path string, form url.Values, origin, site string) routetest.Answer {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range map[string]string{"Origin": origin, "Sec-Fetch-Site": site} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	return b.send(r)
}

func (b *Browser) send(r *http.Request) routetest.Answer {
	r.RemoteAddr = address
	r.Header.Set("User-Agent", Firefox)
	for name, value := range b.Cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	a := routetest.Do(b.Route, r)
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.MaxAge < 0 {
			delete(b.Cookies, c.Name)
			continue
		}
		b.Cookies[c.Name] = c.Value
	}
	return a
}

var (
	forms  = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	fields = regexp.MustCompile(`<(?:input type="hidden"|button)(?: class="[^"]*")? name="([^"]+)" value="([^"]*)"`)
)

// Forms returns what each form of a page would send, in order: its hidden
// fields and its button.
func Forms(page string) []url.Values {
	var all []url.Values
	for _, form := range forms.FindAllString(page, -1) {
		values := url.Values{}
		for _, m := range fields.FindAllStringSubmatch(form, -1) {
			values.Set(m[1], html.UnescapeString(m[2]))
		}
		all = append(all, values)
	}
	return all
}
