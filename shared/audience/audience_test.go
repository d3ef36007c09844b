package audience_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

const (
	orders  = "https://orders.example.com"
	billing = "https://billing.example.com"
	gateway = "https://gateway.example.com"
	gone    = "https://gone.example.com"
)

// newChooser returns a resolver, and a client with access to resources of different
// lifetimes and algorithms and to a deleted one.
func newChooser(t *testing.T) (*audience.Resolver, *client.Client) {
	t.Helper()
	s := routetest.New(t)
	s.Protect(client.Resource{ID: orders, Algorithm: oauth.ES256})
	s.Protect(client.Resource{ID: billing, Algorithm: oauth.ES256, Lifetime: time.Minute})
	s.Protect(client.Resource{ID: gateway, Algorithm: oauth.RS256})
	return &audience.Resolver{Issuer: routetest.Issuer, Clients: s.Clients()}, &client.Client{ID: "c", Access: []client.Access{
		{Resource: orders, Scopes: []string{"read", "write"}},
		{Resource: billing, Scopes: []string{"read", "pay"}},
		{Resource: gateway, Scopes: []string{"gw"}},
		{Resource: gone, Scopes: []string{"read"}},
		{Resource: contract.APIPath, Scopes: []string{"sessions"}},
	}}
}

func code(err error) oauth.Code {
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return refused.Code
	}
	return ""
}

func TestGrantNeedsAccessToEachResourceAndScope(t *testing.T) {
	chooser, c := newChooser(t)
	tests := []struct {
		name      string
		requested []string
		scope     string
		resources []string
		granted   string
		code      oauth.Code
	}{
		{name: "default", resources: []string{orders}, granted: "read write"},
		{name: "several, whatever their algorithms", requested: []string{orders, gateway}, resources: []string{orders, gateway}, granted: "gw read write"},
		{name: "scope at one of them", requested: []string{orders, billing}, scope: "pay read", resources: []string{orders, billing}, granted: "pay read"},
		{name: "our API", requested: []string{routetest.Issuer + "/api"}, resources: []string{contract.APIPath}, granted: "sessions"},
		{name: "scope at none of them", requested: []string{orders}, scope: "pay", code: oauth.InvalidScope},
		{name: "resource without access", requested: []string{"https://evil.example"}, code: oauth.InvalidTarget},
		{name: "resource that is gone", requested: []string{gone}, code: oauth.InvalidTarget},
		{name: "no resource at all", requested: []string{"orders"}, code: oauth.InvalidTarget},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := chooser.Grant(t.Context(), c, tt.requested, tt.scope)
			if code(err) != tt.code || (err != nil) != (tt.code != "") {
				t.Fatalf("Grant(%q, %q) = %v, want %q", tt.requested, tt.scope, err, tt.code)
			}
			if err == nil && (!slices.Equal(got.Resources, tt.resources) || got.Scope != tt.granted) {
				t.Errorf("Grant(%q, %q) = %+v, want %q, %q", tt.requested, tt.scope, got, tt.resources, tt.granted)
			}
		})
	}
}

func TestTokenStaysWithinTheGrant(t *testing.T) {
	chooser, c := newChooser(t)
	all := audience.Granted{Resources: []string{gone, orders, billing, gateway}, Scope: "read pay gw"}
	tests := []struct {
		name      string
		granted   audience.Granted
		requested []string
		scope     string
		audience  []string
		want      string
		lifetime  time.Duration
		code      oauth.Code
	}{
		{name: "first that is left", granted: all, audience: []string{orders}, want: "read", lifetime: 5 * time.Minute},
		{name: "first that allows the scope", granted: all, scope: "pay", audience: []string{billing}, want: "pay", lifetime: time.Minute},
		{name: "scope that was not granted", granted: all, scope: "write", code: oauth.InvalidScope},
		{name: "scopes of different resources", granted: all, scope: "gw pay", code: oauth.InvalidScope},
		{name: "two", granted: all, requested: []string{orders, billing}, audience: []string{orders, billing}, want: "read", lifetime: time.Minute},
		{name: "two that sign differently", granted: all, requested: []string{orders, gateway}, code: oauth.InvalidTarget},
		{name: "one that was not granted", granted: all, requested: []string{routetest.Issuer + "/api"}, code: oauth.InvalidTarget},
		{name: "one that is gone", granted: all, requested: []string{gone}, code: oauth.InvalidTarget},
		{name: "nothing was granted", granted: audience.Granted{}, audience: []string{routetest.Issuer}, lifetime: 5 * time.Minute},
		{
			name: "our API", granted: audience.Granted{Resources: []string{contract.APIPath}, Scope: "sessions"},
			audience: []string{routetest.Issuer + "/api"}, want: "sessions", lifetime: 5 * time.Minute,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, scope, err := chooser.Within(t.Context(), c, tt.granted, tt.requested, tt.scope)
			if code(err) != tt.code || (err != nil) != (tt.code != "") {
				t.Fatalf("Within(%q, %q) = %v, want %q", tt.requested, tt.scope, err, tt.code)
			}
			if err == nil && (!slices.Equal(got.Audience, tt.audience) || scope != tt.want || got.Lifetime != tt.lifetime) {
				t.Errorf("Within(%q, %q) = %+v, %q, want %q, %q, %v", tt.requested, tt.scope, got, scope, tt.audience, tt.want, tt.lifetime)
			}
		})
	}
	if _, _, err := chooser.Within(t.Context(), c, audience.Granted{Resources: []string{gone, "https://never.example.com"}}, nil, ""); !errors.Is(err, audience.ErrNothingLeft) {
		t.Errorf("Within of what is gone = %v, want ErrNothingLeft", err)
	}
}
