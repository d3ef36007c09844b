package device_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	domain "github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/device"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// tvID is the client of the devices in these tests, the operator's own.
const tvID = "tv"

// living is a stage with the page, and ada signed in to a browser.
type living struct {
	*routetest.Home
	route   http.Handler
	login   *session.Login
	cookie  string
	browser *pagetest.Browser
}

func newLiving(t *testing.T) *living {
	t.Helper()
	l := &living{Home: routetest.Furnish(t)}
	l.device(tvID, nil)
	l.route = l.Route(contract.Device, l.handler())
	l.login, l.cookie = l.Login(l.Ada)
	l.browser = pagetest.Open(l.route, l.cookie)
	return l
}

func (l *living) handler() *device.Handler {
	return &device.Handler{
		Issuer: routetest.Issuer, Browser: l.Browser(), Clients: l.Clients(), Devices: l.devices(),
		Throttle: &throttle.Store{DB: l.DB, Sessions: l.Table(contract.Sessions), Key: l.ThrottleKey, Now: l.Now},
		Forms:    l.Forms(), Now: l.Now,
	}
}

func (l *living) devices() *domain.Store {
	return &domain.Store{
		DB: l.DB, Sessions: l.Table(contract.Sessions), Trail: l.Trail(), Now: l.Now,
		Key: func(context.Context) ([]byte, error) { return []byte("a key for tests"), nil },
	}
}

// device registers a client that may use the grant.
func (l *living) device(id string, change func(*client.Client)) {
	l.T.Helper()
	c := l.Client(id)
	c.Grants, c.Identity = []string{oauth.GrantDeviceCode, oauth.GrantRefreshToken}, oauth.IdentityScopes
	if change != nil {
		change(&c)
	}
	l.Register(c)
}

// start begins the sign-in of a device.
func (l *living) start(clientID string) *domain.Codes {
	l.T.Helper()
	codes, err := l.devices().Create(context.Background(), domain.NewRequest{
		Client: clientID, Scope: "openid offline_access orders:read", Audience: []string{routetest.Orders},
		ClientInfo: session.NewClientInfo("198.51.100.9", "Television/3"),
	})
	if err != nil {
		l.T.Fatal(err)
	}
	return codes
}

// poll is what becomes of a device.
func (l *living) poll(codes *domain.Codes) error {
	_, err := l.devices().Poll(context.Background(), codes.Device, tvID)
	return err
}

// typed is the form of the page with a code typed into it.
func (l *living) typed(b *pagetest.Browser, code string) url.Values {
	l.T.Helper()
	got := b.Get("/device")
	forms := pagetest.Forms(got.Body)
	if got.Status != 200 || len(forms) != 1 || len(forms[0]) != 1 {
		l.T.Fatalf("GET = %d with the forms %v, want a page with one", got.Status, forms)
	}
	forms[0].Set("user_code", code)
	return forms[0]
}

// try types a code.
func (l *living) try(code string) routetest.Answer {
	l.T.Helper()
	return l.browser.Post("/device", l.typed(l.browser, code))
}

// asked types the code of a device and returns the form of the question.
func (l *living) asked(codes *domain.Codes) url.Values {
	l.T.Helper()
	got := l.try(codes.User.String())
	forms := pagetest.Forms(got.Body)
	if got.Status != 200 || len(forms) != 1 || forms[0].Get("request") == "" {
		l.T.Fatalf("POST of a code = %d %s, want the question", got.Status, got.Body)
	}
	return forms[0]
}

// answered is a form with an answer in it.
func answered(form url.Values, decision string) url.Values { return with(form, "decision", decision) }

// with is a form with another value.
func with(form url.Values, name, value string) url.Values {
	changed := url.Values{}
	for n, v := range form {
		changed[n] = v
	}
	changed.Set(name, value)
	return changed
}

// says fails unless the answer is the form with that problem.
func says(t *testing.T, what string, got routetest.Answer, status int, problem string) {
	t.Helper()
	if got.Status != status || !strings.Contains(html.UnescapeString(got.Body), `role="alert">`+problem) || !strings.Contains(got.Body, `name="user_code"`) {
		t.Errorf("%s: answer = %d %s, want %d and the form with %q", what, got.Status, got.Body, status, problem)
	}
}

// question reports whether the answer asks whether to allow a device.
func question(got routetest.Answer) bool { return strings.Contains(got.Body, `value="`+web.Allow+`"`) }

// clientOf is a source of clients that registered themselves.
func clientOf(c *client.Client) func(context.Context, string) (*client.Client, error) {
	return func(_ context.Context, id string) (*client.Client, error) {
		if id != c.ID {
			return nil, client.ErrUnknown
		}
		return c, nil
	}
}
