package clientauth_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

func credentials(id, secret string) *http.Request {
	r := routetest.Form("/", nil)
	r.PostForm = url.Values{"client_id": {id}}
	if secret != "" {
		r.PostForm.Set("client_secret", secret)
	}
	return r
}

func TestGuard(t *testing.T) {
	h := routetest.Furnish(t)
	off := h.Client("off")
	off.Disabled = true
	h.Register(off)
	tests := []struct {
		name                     string
		id, secret               string
		identified, authenticate bool
	}{
		{"client with a secret", routetest.Backend, h.Secret, true, true},
		{"the same without it", routetest.Backend, "", false, false},
		{"public client", routetest.Phone, "", true, false},
		{"public client with a secret", routetest.Phone, client.NewSecret(), false, false},
		{"disabled client", "off", "", false, false},
		{"unknown client", "nobody", "", false, false},
		{"malformed id", "no body", "", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for verb, try := range map[string]struct {
				ask  func(*http.Request) (*client.Client, error)
				want bool
			}{"Identify": {h.Auth().Identify, tt.identified}, "Authenticate": {h.Auth().Authenticate, tt.authenticate}} {
				c, err := try.ask(credentials(tt.id, tt.secret))
				if (err == nil) != try.want || err == nil && c.ID != tt.id {
					t.Errorf("%s = %v, %v, want success %t", verb, c, err, try.want)
				}
				if refused, ok := errors.AsType[*oauth.Error](err); err != nil && (!ok || refused.Code != oauth.InvalidClient || refused.Detail != "client authentication failed") {
					t.Errorf("%s = %v, want invalid_client in the usual words", verb, err)
				}
			}
		})
	}
}

// A wrong secret of a client that exists leaves a record, up to a number. One of an
// unknown client leaves none, and neither does a secret that no client can have.
func TestWrongSecretsAreRecorded(t *testing.T) {
	h := routetest.Furnish(t)
	guard := h.Auth()
	try := func(id, secret string) {
		if _, err := guard.Authenticate(credentials(id, secret)); err == nil {
			t.Fatalf("client %s was let in with %q", id, secret)
		}
	}
	try("nobody", client.NewSecret())
	try(routetest.Backend, h.Secret[:len(h.Secret)-1])
	if n := h.Entries(""); n != 0 {
		t.Errorf("the trail has %d entries, want none", n)
	}
	for range audit.MaxRefusals + 3 {
		try(routetest.Backend, client.NewSecret())
	}
	if n := h.Entries(clientauth.ActionRefuse); n != audit.MaxRefusals {
		t.Errorf("the trail has %d refusals, want %d", n, audit.MaxRefusals)
	}
	if _, err := guard.Authenticate(credentials(routetest.Backend, h.Secret)); err != nil {
		t.Errorf("the right secret afterwards = %v, want it to work", err)
	}
}
