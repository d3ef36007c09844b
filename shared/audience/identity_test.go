package audience_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

const (
	userInfo = routetest.Issuer + "/userinfo"
	ownAPI   = routetest.Issuer + "/api"
)

// newPerson is newChooser with a client that may have all identity scopes except email.
func newPerson(t *testing.T) (*audience.Resolver, *client.Client) {
	t.Helper()
	resolver, c := newResolver(t)
	c.Identity = []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeOfflineAccess}
	return resolver, c
}

type grantTest struct {
	name      string
	requested []string
	scope     string
	resources []string
	granted   string
	code      oauth.Code
}

func (tt grantTest) run(t *testing.T, resolver *audience.Resolver, c *client.Client) {
	t.Helper()
	got, err := resolver.Grant(t.Context(), c, tt.requested, tt.scope)
	if code(err) != tt.code || (err != nil) != (tt.code != "") {
		t.Fatalf("Grant(%q, %q) = %+v, %v, want %q", tt.requested, tt.scope, got, err, tt.code)
	}
	if err == nil && (!slices.Equal(got.Resources, tt.resources) || got.Scope != tt.granted) {
		t.Errorf("Grant(%q, %q) = %+v, want %q, %q", tt.requested, tt.scope, got, tt.resources, tt.granted)
	}
}

func TestGrantOfIdentityScopes(t *testing.T) {
	resolver, c := newPerson(t)
	for _, tt := range []grantTest{
		{name: "beside those of a resource", scope: "openid read offline_access", resources: []string{orders}, granted: "openid read offline_access"},
		{name: "only they, and the default resource", scope: "openid profile", resources: []string{orders}, granted: "openid profile"},
		{name: "beside a named resource", requested: []string{billing}, scope: "openid pay", resources: []string{billing}, granted: "openid pay"},
		{name: "not without being named", resources: []string{orders}, granted: "read write"},
		{name: "one that the client may not have", scope: "openid email", code: oauth.InvalidScope},
		{name: "the userinfo endpoint alone", requested: []string{userInfo}, scope: "openid", granted: "openid"},
		{name: "the userinfo endpoint and a resource", requested: []string{userInfo, billing}, scope: "openid pay", resources: []string{billing}, granted: "openid pay"},
		{name: "the userinfo endpoint without openid", requested: []string{userInfo}, scope: "profile", code: oauth.InvalidTarget},
		{name: "the userinfo endpoint and no scope", requested: []string{userInfo}, code: oauth.InvalidTarget},
		{name: "a scope of the default resource at the userinfo endpoint", requested: []string{userInfo}, scope: "openid read", code: oauth.InvalidScope},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, resolver, c) })
	}
	c.Identity = nil
	for _, scope := range oauth.IdentityScopes {
		grantTest{scope: scope, code: oauth.InvalidScope}.run(t, resolver, c)
	}
	c.Access = nil
	c.Identity = []string{oauth.ScopeOpenID}
	grantTest{scope: "openid", granted: "openid"}.run(t, resolver, c)
}

type withinTest struct {
	name      string
	granted   string
	resources []string
	requested []string
	scope     string
	audience  []string
	want      string
	lifetime  time.Duration // 5m when left out
	code      oauth.Code
}

func (tt withinTest) run(t *testing.T, resolver *audience.Resolver, c *client.Client) {
	t.Helper()
	granted := audience.Granted{Resources: tt.resources, Scope: tt.granted}
	got, scope, err := resolver.Within(t.Context(), c, granted, tt.requested, tt.scope)
	if code(err) != tt.code || (err != nil) != (tt.code != "") {
		t.Fatalf("Within(%+v, %q, %q) = %+v, %q, %v, want %q", granted, tt.requested, tt.scope, got, scope, err, tt.code)
	}
	if err != nil {
		return
	}
	if tt.lifetime == 0 {
		tt.lifetime = client.DefaultLifetime
	}
	if !slices.Equal(got.Audience, tt.audience) || scope != tt.want || got.Lifetime != tt.lifetime || got.Algorithm == "" {
		t.Errorf("Within(%+v, %q, %q) = %+v, %q, want %q, %q, %v", granted, tt.requested, tt.scope, got, scope, tt.audience, tt.want, tt.lifetime)
	}
}

func TestWithinIdentityScopes(t *testing.T) {
	resolver, c := newPerson(t)
	two := []string{orders, billing}
	const all = "openid profile offline_access read pay"
	for _, tt := range []withinTest{
		{name: "no resource", granted: all, resources: two, audience: []string{orders, userInfo}, want: "offline_access openid profile read"},
		{
			name: "no resource, a scope of the second", granted: all, resources: two, scope: "openid pay",
			audience: []string{billing, userInfo}, want: "openid pay", lifetime: time.Minute,
		},
		{name: "no resource, without openid", granted: all, resources: two, scope: "read profile", audience: []string{orders}, want: "read profile"},
		{name: "no resource, openid alone", granted: all, resources: two, scope: "openid", audience: []string{orders, userInfo}, want: "openid"},
		{name: "a resource", granted: all, resources: two, requested: []string{orders}, audience: []string{orders}, want: "read"},
		{
			name: "a resource, and the scope that was granted", granted: all, resources: two, requested: []string{orders}, scope: "openid profile read",
			audience: []string{orders}, want: "read",
		},
		{name: "a resource, and openid alone", granted: all, resources: two, requested: []string{orders}, scope: "openid", audience: []string{orders}},
		{name: "a resource, and an identity scope that was not granted", granted: "openid read", resources: two, requested: []string{orders}, scope: "profile read", code: oauth.InvalidScope},
		{name: "the userinfo endpoint", granted: all, resources: two, requested: []string{userInfo}, audience: []string{userInfo}, want: "offline_access openid profile"},
		{name: "the userinfo endpoint in another spelling", granted: "openid", requested: []string{"HTTPS://AUTH.example.com:443/userinfo"}, audience: []string{userInfo}, want: "openid"},
		{name: "the userinfo endpoint, a scope of a resource", granted: all, resources: two, requested: []string{userInfo}, scope: "openid read", code: oauth.InvalidScope},
		{name: "the userinfo endpoint, without openid", granted: all, resources: two, requested: []string{userInfo}, scope: "profile", code: oauth.InvalidScope},
		{name: "the userinfo endpoint with a resource", granted: all, resources: two, requested: []string{userInfo, orders}, audience: []string{orders, userInfo}, want: "offline_access openid profile read"},
		{name: "the userinfo endpoint, not granted", granted: "read", resources: two, requested: []string{userInfo}, code: oauth.InvalidTarget},
		{name: "no openid", granted: "profile read", resources: two, audience: []string{orders}, want: "profile read"},
		{name: "offline_access adds no audience", granted: "offline_access", audience: []string{routetest.Issuer}, want: "offline_access"},
		{name: "only openid", granted: "openid", audience: []string{userInfo}, want: "openid"},
		{name: "an identity scope that was not granted", granted: "openid read", resources: two, scope: "openid profile", code: oauth.InvalidScope},
		{name: "an identity scope that the client lost", granted: "openid email read", resources: two, audience: []string{orders, userInfo}, want: "openid read"},
		{name: "asked for, and lost", granted: "openid email read", resources: two, scope: "email", code: oauth.InvalidScope},
		{name: "all resources lost, not who it is", granted: "openid read", resources: []string{gone}, audience: []string{userInfo}, want: "openid"},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, resolver, c) })
	}
}

// Keycloak GHSA-895x-rfqp-jh5c: an offline session outlived the scope that was
// taken from its client.
func TestLostIdentityScopesEndTheGrant(t *testing.T) {
	resolver, c := newPerson(t)
	tests := []struct {
		name     string
		identity []string
		granted  audience.Granted
	}{
		{"offline_access", []string{"openid"}, audience.Granted{Resources: []string{orders}, Scope: "openid offline_access read"}},
		{"openid, with nothing else", []string{"email"}, audience.Granted{Scope: "openid"}},
		{"openid, with resources that are gone", nil, audience.Granted{Resources: []string{gone}, Scope: "openid read"}},
	}
	for _, tt := range tests {
		c.Identity = tt.identity
		if _, scope, err := resolver.Within(t.Context(), c, tt.granted, nil, ""); !errors.Is(err, audience.ErrNothingLeft) {
			t.Errorf("Within after losing %s = %q, %v, want ErrNothingLeft", tt.name, scope, err)
		}
	}
}

// A client that asks for itself is no user: it has no identity to ask for.
func TestChooseHasNoIdentity(t *testing.T) {
	resolver, c := newPerson(t)
	if _, err := resolver.Resolve(t.Context(), c, []string{userInfo}); code(err) != oauth.InvalidTarget {
		t.Errorf("Choose(userinfo) = %v, want invalid_target", err)
	}
	targets, err := resolver.Resolve(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range oauth.IdentityScopes {
		if got, err := targets.Narrow(scope); code(err) != oauth.InvalidScope {
			t.Errorf("Narrow(%q) = %q, %v, want invalid_scope", scope, got, err)
		}
	}
}

// A resource that defines a scope of that name, from before the name had a
// meaning, does not give it one.
func TestResourceDefinesNoIdentity(t *testing.T) {
	resolver, c := newResolver(t)
	c.Access = []client.Access{{Resource: orders, Scopes: []string{"read", oauth.ScopeOpenID}}}
	grantTest{granted: "read", resources: []string{orders}}.run(t, resolver, c)
	grantTest{scope: "openid", code: oauth.InvalidScope}.run(t, resolver, c)
	withinTest{granted: "read openid", resources: []string{orders}, audience: []string{orders}, want: "read"}.run(t, resolver, c)
	withinTest{granted: "read openid", resources: []string{orders}, requested: []string{orders}, audience: []string{orders}, want: "read"}.run(t, resolver, c)
}

// newStranger returns a resolver with a resource that is open to clients that registered
// themselves, and such a client.
func newStranger(t *testing.T) (*audience.Resolver, *client.Client) {
	t.Helper()
	s := routetest.New(t)
	s.Protect(client.Resource{ID: orders, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "read"}, {Name: "write"}}, SelfRegistered: []string{"read"}})
	s.Protect(client.Resource{ID: gateway, Algorithm: oauth.RS256, Scopes: []client.Scope{{Name: "gw"}}, SelfRegistered: []string{"gw"}})
	s.Protect(client.Resource{ID: billing, Algorithm: oauth.ES256, Scopes: []client.Scope{{Name: "pay"}}})
	return &audience.Resolver{Issuer: routetest.Issuer, Clients: s.Clients()}, &client.Client{ID: "https://client.example/id.json", SelfRegistered: true}
}

func TestGrantToSelfRegistered(t *testing.T) {
	resolver, c := newStranger(t)
	for _, tt := range []grantTest{
		{name: "an open resource", requested: []string{orders + "/"}, resources: []string{orders}, granted: "read"},
		{name: "an open resource, and who it is", requested: []string{orders}, scope: "openid offline_access read", resources: []string{orders}, granted: "openid offline_access read"},
		{name: "two", requested: []string{orders, gateway}, scope: "read gw", resources: []string{orders, gateway}, granted: "read gw"},
		{name: "every identity scope", scope: "openid profile email offline_access", granted: "openid profile email offline_access"},
		{name: "no default resource"},
		{name: "a scope without its resource", scope: "read", code: oauth.InvalidScope},
		{name: "a scope that is not open", requested: []string{orders}, scope: "read write", code: oauth.InvalidScope},
		{name: "a resource that is not open", requested: []string{billing}, code: oauth.InvalidTarget},
		{name: "a resource that does not exist", requested: []string{gone}, code: oauth.InvalidTarget},
		{name: "our API", requested: []string{ownAPI}, code: oauth.InvalidTarget},
		{name: "our API by its path", requested: []string{"/api"}, code: oauth.InvalidTarget},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, resolver, c) })
	}
}

// A client that registered itself has no access to a resource, whatever its
// registration contains.
func TestSelfRegisteredAccessIsNone(t *testing.T) {
	resolver, c := newStranger(t)
	c.FirstParty = true
	c.Access = []client.Access{{Resource: billing, Scopes: []string{"pay"}}, {Resource: orders, Scopes: []string{"write"}}}
	grantTest{}.run(t, resolver, c)
	grantTest{scope: "pay", code: oauth.InvalidScope}.run(t, resolver, c)
	grantTest{requested: []string{billing}, code: oauth.InvalidTarget}.run(t, resolver, c)
	grantTest{requested: []string{orders}, resources: []string{orders}, granted: "read"}.run(t, resolver, c)
}

func TestWithinSelfRegistered(t *testing.T) {
	resolver, c := newStranger(t)
	both := []string{orders, gateway}
	for _, tt := range []withinTest{
		{name: "the first", granted: "openid read gw", resources: both, audience: []string{orders, userInfo}, want: "openid read"},
		{name: "one of them", granted: "openid read gw", resources: both, requested: []string{gateway}, audience: []string{gateway}, want: "gw"},
		{name: "a scope that was closed since", granted: "read write", resources: []string{orders}, audience: []string{orders}, want: "read"},
		{name: "a resource that was closed since", granted: "pay read", resources: []string{billing, orders}, audience: []string{orders}, want: "read"},
		{name: "no resource was granted", granted: "openid profile", audience: []string{userInfo}, want: "openid profile"},
		{name: "nothing was granted", audience: []string{routetest.Issuer}},
		{name: "an open one that was not granted", granted: "read", resources: []string{orders}, requested: []string{gateway}, code: oauth.InvalidTarget},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, resolver, c) })
	}
	closed := audience.Granted{Resources: []string{billing}, Scope: "pay"}
	if _, _, err := resolver.Within(t.Context(), c, closed, nil, ""); !errors.Is(err, audience.ErrNothingLeft) {
		t.Errorf("Within of a resource that was closed since = %v, want ErrNothingLeft", err)
	}
}

// One request cannot read the table a thousand times.
func TestTooManyResources(t *testing.T) {
	resolver, c := newStranger(t)
	var requested []string
	for i := range 21 {
		requested = append(requested, fmt.Sprintf("https://r%d.example.com", i))
	}
	_, err := resolver.Grant(t.Context(), c, requested, "")
	if refused, ok := errors.AsType[*oauth.Error](err); !ok || refused.Detail != "the request names too many resources" {
		t.Errorf("Grant(%d resources) = %v, want it refused before anything is read", len(requested), err)
	}
}
