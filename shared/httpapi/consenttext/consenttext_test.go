package consenttext_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/consenttext"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

func TestApp(t *testing.T) {
	for _, tt := range []struct {
		name         string
		client       client.Client
		want, origin string
	}{
		{"a name", client.Client{ID: "orders", Name: "Orders"}, "Orders", ""},
		{"no name", client.Client{ID: "orders"}, "orders", ""},
		{"a document", client.Client{ID: "https://tools.example.org/client.json", Name: "Tools", SelfRegistered: true}, "Tools", "tools.example.org"},
		{"a document at a port", client.Client{ID: "https://tools.example.org:8443/c", Name: "Tools", SelfRegistered: true}, "Tools", "tools.example.org:8443"},
		{"a document without a name", client.Client{ID: "https://tools.example.org/c", SelfRegistered: true}, "Unnamed application", "tools.example.org"},
		{"registered itself", client.Client{ID: "tsd_x", Name: "Tools", SelfRegistered: true}, "Tools", ""},
		{"registered itself without a name", client.Client{ID: "tsd_x", SelfRegistered: true}, "Unnamed application", ""},
		// A name that looks like a document is one only for a client that registered
		// itself.
		{"a name like a document", client.Client{ID: "orders", Name: "https://evil.example"}, "https://evil.example", ""},
	} {
		if got, origin := consenttext.App(&tt.client); got != tt.want || origin != tt.origin {
			t.Errorf("%s: App(%+v) = %q, %q, want %q, %q", tt.name, tt.client, got, origin, tt.want, tt.origin)
		}
	}
}

func TestAsks(t *testing.T) {
	s := routetest.New(t)
	const notes, plain = "https://notes.example.com", "https://plain.example.com"
	s.Protect(client.Resource{ID: notes, Name: "Notes", Algorithm: oauth.ES256, SelfRegistered: []string{"notes:read"}, Scopes: []client.Scope{
		{Name: "notes:read", Description: "Read your notes"}, {Name: "notes:write"}, {Name: "openid", Description: "Never said"},
	}})
	s.Protect(client.Resource{ID: plain, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "status"}}})
	known := &client.Client{ID: "app", Access: []client.Access{
		{Resource: notes, Scopes: []string{"notes:read", "notes:write", "openid"}},
		{Resource: plain, Scopes: []string{"status"}},
		{Resource: "https://gone.example.com", Scopes: []string{"gone"}},
	}}
	stranger := &client.Client{ID: "tsd_x", SelfRegistered: true}
	for _, tt := range []struct {
		name      string
		client    *client.Client
		scope     string
		resources []string
		want      []web.Ask
	}{
		{"nothing", known, "", nil, nil},
		{"about the person, in our order", known, "offline_access openid email profile", nil, []web.Ask{
			{Scopes: []string{"Sign you in and recognize you", "See your name and username", "See your email address", "Keep this access while you are away"}},
		}},
		{"at two resources", known, "notes:write status notes:read openid", []string{plain, notes}, []web.Ask{
			{Scopes: []string{"Sign you in and recognize you"}},
			{Place: plain, Scopes: []string{"status"}},
			{Place: "Notes", Scopes: []string{"notes:write", "Read your notes"}},
		}},
		{"nothing at a resource", known, "status", []string{notes, plain}, []web.Ask{{Place: plain, Scopes: []string{"status"}}}},
		{"a resource that is gone", known, "status gone", []string{"https://gone.example.com", plain}, []web.Ask{{Place: plain, Scopes: []string{"status"}}}},
		{"our API", &client.Client{Access: []client.Access{{Resource: client.API, Scopes: []string{"sessions"}}}}, "sessions", []string{client.API}, []web.Ask{
			{Place: "Tipstaff", Scopes: []string{"See and end your sessions"}},
		}},
		{"who registered itself", stranger, "notes:read notes:write", []string{notes, plain}, []web.Ask{{Place: "Notes", Scopes: []string{"Read your notes"}}}},
	} {
		got, err := consenttext.Asks(t.Context(), s.Clients(), tt.client, audience.Granted{Resources: tt.resources, Scope: tt.scope})
		if err != nil || len(got)+len(tt.want) > 0 && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: Asks = %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	broken := s.Clients()
	broken.Table = "no-such-table"
	_, err := consenttext.Asks(t.Context(), broken, known, audience.Granted{Resources: []string{notes}, Scope: "notes:read"})
	if err == nil || errors.Is(err, client.ErrUnknown) {
		t.Errorf("Asks without a table = %v, want what went wrong", err)
	}
}
