package issue_test

import (
	"errors"
	"testing"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/session"
)

// knowing registers a client that may receive ID tokens.
func (h home) knowing(change func(*client.Client)) client.Client {
	c := h.Client("knowing")
	c.Identity = oauth.IdentityScopes
	if change != nil {
		change(&c)
	}
	h.Register(c)
	return c
}

func code(err error) oauth.Code {
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return refused.Code
	}
	return ""
}

// A refresh returns an ID token as long as the user's consent and the client's right
// to it last, and the client does not ask for less.
func TestIDTokenAtRefresh(t *testing.T) {
	h := newHome(t)
	h.knowing(nil)
	with := h.grant(t, "knowing", "openid email orders:read", routetest.Orders)
	without := h.grant(t, "knowing", "email orders:read", routetest.Orders)
	tests := []struct {
		name      string
		presented *string
		more      []string
		change    func(*client.Client)
		scope     string
		id        bool
	}{
		{"all", &with, nil, nil, "email openid orders:read", true},
		{"a resource", &with, []string{"resource", routetest.Orders}, nil, "orders:read", true},
		{"less", &with, []string{"scope", "orders:read"}, nil, "orders:read", false},
		{"less, with openid", &with, []string{"scope", "openid"}, nil, "openid", true},
		{"without openid", &without, nil, nil, "email orders:read", false},
		{"what the client has lost", &with, nil, func(c *client.Client) { c.Identity = []string{oauth.ScopeEmail} }, "email orders:read", false},
		{"what it has lost, for a resource", &with, []string{"resource", routetest.Orders}, func(c *client.Client) { c.Identity = nil }, "orders:read", false},
		{"RS256", &with, nil, func(c *client.Client) { c.IDTokenAlgorithm = oauth.RS256 }, "email openid orders:read", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h.knowing(tt.change)
			got := h.renew("knowing", *tt.presented, tt.more...)
			_, id := got.JSON["id_token"]
			if got.Status != 200 || got.Text("scope") != tt.scope || id != tt.id {
				t.Fatalf("answer = %d %s, want scope %q, an id token %v", got.Status, got.Body, tt.scope, tt.id)
			}
			if c := routetest.Claims(t, got.Text("access_token")); id && routetest.Claims(t, got.Text("id_token"))["sid"] != c["sid"] {
				t.Errorf("the two tokens %s are of different sessions", got.Body)
			}
			*tt.presented = got.Text("refresh_token")
		})
	}
}

// A grant that does not exist yet is planned as it will be, and its first tokens are
// for the resources that the request names.
func TestPlanAndBegin(t *testing.T) {
	h := newHome(t)
	h.knowing(nil)
	ctx := t.Context()
	get := func() *client.Client {
		c, err := h.Clients().Client(ctx, "knowing")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c, r := get(), h.Issuer()
	granted := audience.Granted{Resources: []string{routetest.Orders, routetest.Billing}, Scope: "billing:read orders:read"}
	idle, absolute, err := r.Plan(ctx, c, granted, nil)
	if err != nil || idle != client.DefaultIdle || absolute != client.DefaultAbsolute {
		t.Errorf("Plan = %v, %v, %v, want the client's lives", idle, absolute, err)
	}
	h.knowing(func(c *client.Client) { c.Grants = []string{oauth.GrantAuthorizationCode} })
	c = get()
	idle, absolute, err = r.Plan(ctx, c, granted, []string{routetest.Billing})
	if err != nil || idle != absolute || absolute.Seconds() != 60 {
		t.Errorf("Plan for one access token = %v, %v, %v, want the minute that it lives", idle, absolute, err)
	}
	g, err := h.Sessions().CreateGrant(ctx, session.NewGrant{
		Subject: h.Ada, Client: c.ID, Scope: granted.Scope, Audience: granted.Resources, AuthTime: h.Time, Idle: idle, Absolute: absolute,
	})
	if err != nil {
		t.Fatal(err)
	}
	begun, err := r.Begin(ctx, c, g, issue.Extra{Resources: []string{routetest.Billing}, JKT: "thumb"})
	if err != nil || begun.RefreshToken != "" || begun.IDToken != "" || begun.Scope != "billing:read" || begun.Response().TokenType != "DPoP" {
		t.Errorf("Begin = %+v, %v, want a DPoP token for billing and no other", begun, err)
	}
	if _, _, err := r.Plan(ctx, c, granted, []string{routetest.Issuer + "/api"}); err == nil {
		t.Error("Plan for what is not granted = nil, want an error")
	}
	gone := audience.Granted{Resources: []string{"https://gone.example.com"}, Scope: "x"}
	if _, _, err := r.Plan(ctx, c, gone, nil); code(err) != oauth.InvalidGrant {
		t.Errorf("Plan for what is gone = %v, want invalid_grant", err)
	}
	c.RequireDPoP = true
	if begun, err := r.Begin(ctx, c, g, issue.Extra{}); code(err) != oauth.InvalidDPoPProof {
		t.Errorf("Begin without the key that is required = %+v, %v, want invalid_dpop_proof", begun, err)
	}
}
