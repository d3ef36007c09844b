package introspect_test

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/introspect"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

// home is a furnished stage with a resource server.
type home struct {
	*routetest.Home
	secret string
	route  http.Handler
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{Home: routetest.Furnish(t)}
	h.secret = h.Register(client.Client{ID: "orders-api", Introspects: []string{routetest.Orders}})
	h.route = h.fresh()
	return h
}

// fresh returns a new function with an empty cache.
func (h *home) fresh() http.Handler {
	return h.Route(contract.Introspect, &introspect.Handler{Auth: h.Auth(), Active: &bearer.Live{Guard: h.Bearer(), Clients: h.Clients(), Sessions: h.Sessions()}, Now: h.Now})
}

func (h *home) ask(presented string) routetest.Answer {
	return routetest.Post(h.route, url.Values{"token": {presented}}, "orders-api", h.secret)
}

func (h *home) inactive(t *testing.T, name, presented string) {
	t.Helper()
	if got := h.ask(presented); got.Status != 200 || got.Body != `{"active":false}` || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s = %d %s %v, want only active false, not stored", name, got.Status, got.Body, got.Header)
	}
}

func TestTokenOfAPerson(t *testing.T) {
	h := newHome(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	got := h.ask(begun.Access.Value)
	want := map[string]any{
		"active": true, "sub": h.Ada, "sid": begun.Grant.ID, "client_id": routetest.Phone, "aud": routetest.Orders,
		"scope": "orders:read orders:write", "auth_time": float64(begun.Grant.AuthTime.Unix()), "jti": begun.Access.ID,
	}
	for name, value := range want {
		if got.JSON[name] != value {
			t.Errorf("%s = %v, want %v", name, got.JSON[name], value)
		}
	}
}

// Whatever ends the session ends its access tokens here, at once.
func TestTokenOfAnEndedSession(t *testing.T) {
	h := newHome(t)
	ends := map[string]func(*session.Grant) error{
		"ended": func(g *session.Grant) error {
			return h.Sessions().End(t.Context(), g.Subject, g.ID, session.Cause{Why: session.Revoked})
		},
		"everything ended": func(g *session.Grant) error {
			_, err := h.Sessions().EndAll(t.Context(), g.Subject, session.Cause{Why: session.Revoked})
			return err
		},
		"reused": func(g *session.Grant) error {
			r := session.RefreshRequest{Handle: session.Handle{Subject: g.Subject, Grant: g.ID, Generation: 1}, Client: g.Client, Idle: time.Hour}
			if _, _, err := h.Sessions().Refresh(t.Context(), r); err != nil {
				return err
			}
			_, _, _ = h.Sessions().Refresh(t.Context(), r) // without a grace this is a reuse
			return nil
		},
	}
	for name, end := range ends {
		begun := h.Grant(routetest.Phone, h.Ada)
		if got := h.ask(begun.Access.Value); got.JSON["active"] != true {
			t.Fatalf("%s, before = %s, want active", name, got.Body)
		}
		if err := end(begun.Grant); err != nil {
			t.Fatal(err)
		}
		h.inactive(t, name, begun.Access.Value)
	}
}

// The session that a token names must exist, be live, and belong to the client.
func TestTokenOfAnotherSession(t *testing.T) {
	h := newHome(t)
	eve := h.AddUser("eve")
	begun := h.Grant(routetest.Phone, h.Ada)
	mint := func(r token.Request) string {
		r.Audience, r.Algorithm, r.Lifetime = []string{routetest.Orders}, oauth.ES256, time.Minute
		minted, err := h.Minter().Mint(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return minted.Value
	}
	h.inactive(t, "another person's", mint(token.Request{Subject: eve, ClientID: routetest.Phone, SessionID: begun.Grant.ID}))
	h.inactive(t, "another client's", mint(token.Request{Subject: h.Ada, ClientID: routetest.Web, SessionID: begun.Grant.ID}))
	h.inactive(t, "a login's", mint(token.Request{Subject: h.Ada, ClientID: routetest.Phone, SessionID: h.loginID()}))
	h.inactive(t, "none", mint(token.Request{Subject: h.Ada, ClientID: routetest.Phone, SessionID: "grant"}))
	h.inactive(t, "a refresh token", begun.RefreshToken)
	h.inactive(t, "the id of the grant", begun.Grant.ID)
}

func (h *home) loginID() string {
	l, _ := h.Login(h.Ada)
	return l.ID
}

// A resource server that the token is not for learns nothing, and costs nothing:
// the session is not even read.
func TestStrangersReadNoSession(t *testing.T) {
	h := newHome(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	secret := h.Register(client.Client{ID: "billing-api", Introspects: []string{routetest.Billing}})
	var reads atomic.Int64
	store := h.Sessions()
	now := store.Now
	store.Now = func(ctx context.Context) time.Time { reads.Add(1); return now(ctx) } // each judgement of a session asks for the time
	h.route = h.Route(contract.Introspect, &introspect.Handler{Auth: h.Auth(), Active: &bearer.Live{Guard: h.Bearer(), Clients: h.Clients(), Sessions: store}, Now: h.Now})
	got := routetest.Post(h.route, url.Values{"token": {begun.Access.Value}}, "billing-api", secret)
	if got.Body != `{"active":false}` || reads.Load() != 0 {
		t.Errorf("stranger = %s after %d looks at sessions, want inactive and none", got.Body, reads.Load())
	}
	if got := h.ask(begun.Access.Value); got.JSON["active"] != true || reads.Load() == 0 {
		t.Errorf("its own resource server = %s after %d looks, want active", got.Body, reads.Load())
	}
}

// When the session cannot be read, the answer does not report that it has ended.
func TestOutageIsNoVerdict(t *testing.T) {
	h := newHome(t)
	begun := h.Grant(routetest.Phone, h.Ada)
	store := h.Sessions()
	store.Sessions = "no-such-table"
	h.route = h.Route(contract.Introspect, &introspect.Handler{Auth: h.Auth(), Active: &bearer.Live{Guard: h.Bearer(), Clients: h.Clients(), Sessions: store}, Now: h.Now})
	if got := h.ask(begun.Access.Value); got.Status != 503 || got.Error() != "temporarily_unavailable" {
		t.Errorf("answer = %d %s, want 503 temporarily_unavailable", got.Status, got.Body)
	}
}
