package token_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
	"github.com/tipstaff/tipstaff/shared/session"
)

// The clients of devices in these tests.
const (
	tvID      = "tv"       // public
	radioID   = "radio"    // as tv, for what tv must not have
	lampID    = "lamp"     // public, without refresh tokens
	vaultID   = "vault"    // public, must prove a key
	consoleID = "game-box" // with a secret
)

// living is a stage in which ada is signed in to a browser, with devices.
type living struct {
	*signIn
	console string // the secret of console
}

func newLiving(t *testing.T) *living {
	t.Helper()
	l := &living{signIn: newSignIn(t)}
	register := func(id string, change func(*client.Client)) string {
		c := l.Client(id)
		c.Grants, c.Identity = []string{oauth.GrantDeviceCode, oauth.GrantRefreshToken}, oauth.IdentityScopes
		if change != nil {
			change(&c)
		}
		return l.Register(c)
	}
	register(tvID, nil)
	register(radioID, nil)
	register(lampID, func(c *client.Client) { c.Grants = []string{oauth.GrantDeviceCode} })
	register(vaultID, func(c *client.Client) { c.RequireDPoP = true })
	l.console = register(consoleID, func(c *client.Client) {
		c.AuthMethods, c.BackChannelURI = nil, "https://games.example.com/bye"
	})
	l.route = l.fresh()
	return l
}

// fresh is a function with nothing remembered.
func (l *living) fresh() http.Handler {
	return l.Route(contract.Token, &token.Handler{Auth: l.Auth(), Issue: l.Issuer(), Devices: l.devices()})
}

func (l *living) devices() *device.Store {
	return &device.Store{
		DB: l.DB, Sessions: l.Table(contract.Sessions), Trail: l.Trail(), Now: l.Now,
		Key: func(context.Context) ([]byte, error) { return []byte("a key for tests"), nil },
	}
}

// start begins the sign-in of a device, for all of orders or as change says.
func (l *living) start(clientID string, change func(*device.NewRequest)) *device.Codes {
	l.T.Helper()
	n := device.NewRequest{
		Client: clientID, Scope: "openid offline_access orders:read orders:write", Audience: []string{routetest.Orders},
		ClientInfo: session.NewClientInfo("198.51.100.9", "Television/3"),
	}
	if change != nil {
		change(&n)
	}
	codes, err := l.devices().Create(context.Background(), n)
	if err != nil {
		l.T.Fatal(err)
	}
	return codes
}

// find returns the request of a device.
func (l *living) find(codes *device.Codes) *device.Request {
	l.T.Helper()
	r, err := l.devices().Find(context.Background(), codes.User)
	if err != nil {
		l.T.Fatal(err)
	}
	return r
}

// by returns the decision of ada in her browser.
func (l *living) by() device.Decision {
	return device.Decision{
		Subject: l.Ada, AuthGen: l.login.AuthGen, AuthTime: l.login.AuthTime, AMR: l.login.AMR, Login: l.login.ID, LoginEnds: l.login.Absolute,
	}
}

func (l *living) approve(codes *device.Codes) *device.Codes {
	l.T.Helper()
	if err := l.devices().Approve(context.Background(), l.find(codes), l.by(), ""); err != nil {
		l.T.Fatal(err)
	}
	return codes
}

// asking is a poll of a device, with pairs of other parameters; "" leaves one out.
func asking(clientID string, codes *device.Codes, change ...string) *http.Request {
	form := url.Values{"grant_type": {oauth.GrantDeviceCode}, "client_id": {clientID}, "device_code": {codes.Device}}
	for ; len(change) > 0; change = change[2:] {
		form.Set(change[0], change[1])
		if change[1] == "" {
			form.Del(change[0])
		}
	}
	return routetest.Form("/token", form)
}

// expect polls and compares the error, "" for tokens.
func (l *living) expect(when string, r *http.Request, want oauth.Code) routetest.Answer {
	l.T.Helper()
	got := routetest.Do(l.route, r)
	if got.Error() != string(want) || (got.Status == 200) != (want == "") || got.Status != 200 && got.Status != 400 {
		l.T.Errorf("%s: answer = %d %s, want %q", when, got.Status, got.Body, want)
	}
	return got
}
