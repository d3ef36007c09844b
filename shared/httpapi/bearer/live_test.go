package bearer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

type stage struct{ *routetest.Home }

// claims returns the claims of a token, as judged by a function with an empty cache.
func (s stage) claims(value string) (*token.Claims, error) {
	judge := &bearer.Live{Guard: s.Bearer(), Clients: s.Clients(), Sessions: s.Sessions()}
	return judge.Claims(context.Background(), value)
}

// mint signs a token for the orders API.
func (s stage) mint(r token.Request) string {
	s.T.Helper()
	r.Audience, r.Algorithm, r.Lifetime = []string{routetest.Orders}, oauth.ES256, time.Minute
	minted, err := s.Minter().Mint(context.Background(), r)
	if err != nil {
		s.T.Fatal(err)
	}
	return minted.Value
}

func (s stage) check(name, value string, want bool) {
	s.T.Helper()
	claims, err := s.claims(value)
	if want && (err != nil || claims == nil) || !want && (claims != nil || !errors.Is(err, token.ErrInvalid)) {
		s.T.Errorf("%s: Claims = %+v, %v, want active %v", name, claims, err, want)
	}
}

// replace stores a client again, changed.
func (s stage) replace(id string, change func(*client.Client)) {
	s.T.Helper()
	c, err := s.Clients().Client(context.Background(), id)
	if err != nil {
		s.T.Fatal(err)
	}
	changed := *c
	change(&changed)
	s.Register(changed)
}

func TestClaims(t *testing.T) {
	s := stage{routetest.Furnish(t)}
	s.Register(client.Client{ID: "orders-api"})
	begun := s.Grant(routetest.Phone, s.Ada)
	exchanged := token.Request{Subject: s.Ada, ClientID: "orders-api", SessionID: begun.Grant.ID, Act: &token.Actor{Subject: "orders-api"}}
	unacted := exchanged
	unacted.Act = nil
	eves := exchanged
	eves.Subject = s.AddUser("eve")
	s.check("of a person", begun.Access.Value, true)
	s.check("of a machine", s.mint(token.Request{Subject: routetest.Backend, ClientID: routetest.Backend}), true)
	s.check("exchanged", s.mint(exchanged), true)
	s.check("of another client, and nobody acts", s.mint(unacted), false)
	s.check("of another person's session", s.mint(eves), false)
	s.check("of a client that is not there", s.mint(token.Request{Subject: "gone", ClientID: "gone"}), false)
	s.check("of a session that is not there", s.mint(token.Request{Subject: s.Ada, ClientID: routetest.Phone, SessionID: "01KAAAAAAAAAAAAAAAAAAAAAAA"}), false)
	s.check("nothing", "", false)
	value := begun.Access.Value
	s.Pass(time.Hour)
	s.check("expired", value, false)
}

// A token ends with each part that it depends on.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(stage, *session.Grant) error{
		"session ended": func(s stage, g *session.Grant) error {
			return s.Sessions().End(context.Background(), g.Subject, g.ID, session.Cause{Why: session.Revoked})
		},
		"client of the session disabled": func(s stage, _ *session.Grant) error {
			s.replace(routetest.Phone, func(c *client.Client) { c.Disabled = true })
			return nil
		},
		"client of the token disabled": func(s stage, _ *session.Grant) error {
			s.replace("orders-api", func(c *client.Client) { c.Disabled = true })
			return nil
		},
	} {
		s := stage{routetest.Furnish(t)}
		s.Register(client.Client{ID: "orders-api"})
		begun := s.Grant(routetest.Phone, s.Ada)
		value := s.mint(token.Request{Subject: s.Ada, ClientID: "orders-api", SessionID: begun.Grant.ID, Act: &token.Actor{Subject: "orders-api"}})
		s.check("before: "+name, value, true)
		if err := end(s, begun.Grant); err != nil {
			t.Fatal(err)
		}
		s.check(name, value, false)
		s.check(name+", the token that was exchanged", begun.Access.Value, name == "client of the token disabled")
	}
}

// When a read fails, the answer does not report that the session has ended.
func TestOutageIsNoVerdict(t *testing.T) {
	s := stage{routetest.Furnish(t)}
	value := s.Grant(routetest.Phone, s.Ada).Access.Value
	sessions, clients := s.Sessions(), s.Clients()
	sessions.Sessions, clients.Table = "no-such-table", "no-such-table"
	for name, judge := range map[string]*bearer.Live{
		"sessions": {Guard: s.Bearer(), Clients: s.Clients(), Sessions: sessions},
		"clients":  {Guard: s.Bearer(), Clients: clients, Sessions: s.Sessions()},
	} {
		if claims, err := judge.Claims(t.Context(), value); err == nil || errors.Is(err, token.ErrInvalid) {
			t.Errorf("Claims without %s = %+v, %v, want an error that is no verdict", name, claims, err)
		}
	}
}
