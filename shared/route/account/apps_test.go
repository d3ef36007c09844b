package account_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

const (
	ordersAPI = "https://orders.example.com"
	notesAPI  = "https://notes.example.com"
	document  = "https://tools.example.org/client.json"
)

// withApps is ada with two grants of a first-party application and one of a client
// with a metadata document.
func withApps(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.Protect(client.Resource{ID: ordersAPI, Name: "Order API", Algorithm: oauth.ES256, SelfRegistered: []string{"orders:read"}, Scopes: []client.Scope{
		{Name: "orders:read", Description: "See your orders"}, {Name: "orders:write", Description: "Order for you"},
	}})
	s.Protect(client.Resource{ID: notesAPI, Name: "Notes", Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "orders:read", Description: "Never granted"}}})
	s.Register(client.Client{ID: "orders-app", Name: "Orders <app>", Access: []client.Access{
		{Resource: ordersAPI, Scopes: []string{"orders:read", "orders:write"}}, {Resource: notesAPI, Scopes: []string{"orders:read"}},
	}})
	s.grant("orders-app", "openid orders:read")
	s.Pass(time.Minute)
	s.grant("orders-app", "orders:write")
	s.grant(document, "openid orders:read orders:write")
	return s
}

func (s *scene) grant(clientID, scope string) *session.Grant {
	s.t.Helper()
	g, err := s.Sessions().CreateGrant(context.Background(), session.NewGrant{
		Subject: s.ada, Client: clientID, Scope: scope, Audience: []string{ordersAPI}, AuthTime: s.Time,
		Idle: time.Hour, Absolute: 24 * time.Hour, ClientInfo: session.NewClientInfo("198.51.100.9", "Orders/1.0 (iPhone)"),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

// TestAppsInWords: the page names what was granted to an application once, in words,
// and nothing that was not granted.
func TestAppsInWords(t *testing.T) {
	s := withApps(t)
	page := s.Get("/account").Body
	says(t, "the page", s.Get("/account"), http.StatusOK,
		"<h3>Orders &lt;app&gt;</h3>", "Sign you in and recognize you", "<h4>Order API</h4>", "<li>See your orders</li>", "<li>Order for you</li>",
		"<h3>tools.example.org</h3>", "belongs to <b>tools.example.org</b>")
	for text, want := range map[string]int{
		`value="end-app"`: 2, "<h3>Orders &lt;app&gt;</h3>": 1, "<li>Order for you</li>": 1, "<li>See your orders</li>": 2, "Never granted": 0, "<h4>Notes</h4>": 0,
	} {
		if got := strings.Count(page, text); got != want {
			t.Errorf("the page has %s %d times, want %d", text, got, want)
		}
	}
}

// TestEndApp: all grants of the application end and its consent is removed. Other
// users and applications lose nothing.
func TestEndApp(t *testing.T) {
	s := withApps(t)
	at := consent.Place{Subject: s.ada, Client: "orders-app", RedirectURI: "https://orders.example.com/cb", Resources: []string{ordersAPI}}
	others := at
	others.Client = "orders-app-2"
	for _, p := range []consent.Place{at, others} {
		if err := consents(s.Stage).Give(t.Context(), p, []string{"orders:read"}, ""); err != nil {
			t.Fatal(err)
		}
	}
	eve := s.AddUser("eve")
	theirs := s.Grant(eve, "orders-app", "")
	page := s.Get("/account").Body
	_, of, _ := strings.Cut(page, "<h3>Orders &lt;app&gt;</h3>")
	send := form(t, of, web.ActionEndApp, "")
	s.Pass(time.Hour - 5*time.Minute) // this takes no fresh sign-in
	s.Browser = s.at(s.ada)
	s.Pass(11 * time.Minute)
	send.Set("csrf", form(t, s.Get("/account").Body, web.ActionSignOut, "").Get("csrf"))
	kept := s.grant(document, "openid")
	s.grant("orders-app", "openid")
	for range 2 { // the second time it has ended already
		goes(t, "POST", s.Post("/account", send), "/account?done=end-app")
	}
	for name, id := range map[string]string{"none": "", "a client's id": "tools", "made up": "0123456789abcdef"} {
		goes(t, name, s.Post("/account", with(send, "id", id)), "/account?done=end-app")
	}
	if live := s.Live(s.ada); !live[kept.ID] || len(live) != 2 {
		t.Errorf("live: %v, want the other application and the browser", live)
	}
	if !s.Live(eve)[theirs.ID] {
		t.Error("the application has ended for somebody else")
	}
	for p, want := range map[string]bool{"orders-app": false, "orders-app-2": true} {
		at.Client = p
		if got, err := consents(s.Stage).Covers(t.Context(), at, []string{"orders:read"}); err != nil || got != want {
			t.Errorf("what %s was allowed = %v, %v, want %v", p, got, err, want)
		}
	}
	if forgets, ends := s.Entries(audit.ConsentForget), s.Entries(session.ActionEndGrant); forgets != 1 || ends != 1 {
		t.Errorf("the trail has %d and %d entries of it, want 1 of each", forgets, ends)
	}
	says(t, "the page", s.Get("/account?done=end-app"), http.StatusOK, web.AccessRemoved, "<h3>tools.example.org</h3>")
}
