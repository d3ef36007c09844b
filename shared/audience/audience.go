// Package audience decides where an access token is valid: at which resources, with
// which scopes, signed by which algorithm, and for how long.
//
// # Upper bounds
//
// Every grant type uses this package, each with its own upper bound. The bound is the
// registration of the client. For the token of a user it is also what was granted at
// the sign-in.
//
// # Identity scopes
//
// Most scopes are allowed at a resource. The identity scopes are not (OpenID Connect
// Core §5.4, §11). They allow a client to read claims about the user at the userinfo
// endpoint, and to refresh its tokens. A registration lists them separately, and only
// the token of a user carries them.
//
// # Clients that registered themselves
//
// No operator wrote a registration that could bound such a client. At a resource it may
// have the scopes that the resource opens to such clients. It gets nothing when it names
// no resource.
package audience

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Resolver resolves resource and scope parameters for one issuer.
type Resolver struct {
	Issuer  string
	Clients *client.Store
}

// Terms is where a token will be valid: the requested resources that the client has
// access to, and their common properties.
type Terms struct {
	// Resources are the ids of the resources, as in a client's registration. They
	// are empty for a token that is valid at the issuer only.
	Resources []string
	// Audience is the aud value for the resources. It includes the userinfo
	// endpoint if the token is valid there.
	Audience  []string
	Algorithm string
	Lifetime  time.Duration

	allowed []string // scopes at every one of the resources
}

// errAccess is the same for an unknown resource and for one that the client has no
// access to.
var errAccess = oauth.Refuse(oauth.InvalidTarget, "the client has no access to this resource")

// Resolve checks the resource parameters of a client that requests a token for itself
// (RFC 8707 §2). Without a resource parameter the client gets its default resource. A
// client without access gets the issuer itself as the audience, where it may do nothing.
//
// Every resource in the audience accepts every scope in the token (§2), so a token holds
// only scopes that the client may have at each of them. Resources with different
// algorithms cannot share a token. Resources with different lifetimes share the shortest.
func (h *Resolver) Resolve(ctx context.Context, c *client.Client, requested []string) (*Terms, error) {
	w, err := h.wanted(c, requested)
	if err != nil {
		return nil, err
	}
	if w.userInfo {
		return nil, errAccess
	}
	return h.combine(ctx, c, w.ids)
}

// combine returns the common properties of the resources.
func (h *Resolver) combine(ctx context.Context, c *client.Client, ids []string) (*Terms, error) {
	if len(ids) == 0 {
		return &Terms{Audience: []string{h.Issuer}, Algorithm: oauth.ES256, Lifetime: client.DefaultLifetime}, nil
	}
	t := &Terms{Resources: ids}
	for i, id := range ids {
		resource, scopes, err := h.access(ctx, c, id)
		if err != nil {
			return nil, err
		}
		if t.Algorithm != "" && t.Algorithm != resource.Algorithm {
			return nil, oauth.Refuse(oauth.InvalidTarget, "these resources need differently signed tokens: ask for one token each")
		}
		t.Algorithm = resource.Algorithm
		if t.Lifetime == 0 || resource.Lifetime < t.Lifetime {
			t.Lifetime = resource.Lifetime
		}
		t.Audience = append(t.Audience, h.audience(id))
		if i == 0 {
			t.allowed = slices.Clone(scopes)
		}
		t.allowed = slices.DeleteFunc(t.allowed, func(s string) bool { return !slices.Contains(scopes, s) })
	}
	// No resource can define an identity scope: such a token would be valid at userinfo.
	t.allowed = slices.DeleteFunc(t.allowed, identity)
	return t, nil
}

// access returns a resource with the client's scopes there, or errAccess.
func (h *Resolver) access(ctx context.Context, c *client.Client, id string) (*client.Resource, []string, error) {
	scopes, ok := c.Scopes(id)
	if !ok && !c.SelfRegistered {
		return nil, nil, errAccess
	}
	resource, err := h.Clients.Resource(ctx, id)
	if errors.Is(err, client.ErrUnknown) {
		return nil, nil, &oauth.Error{Code: errAccess.Code, Detail: errAccess.Detail, Err: err}
	}
	if err != nil {
		return nil, nil, err
	}
	if c.SelfRegistered {
		if scopes = resource.SelfRegistered; len(scopes) == 0 {
			return nil, nil, errAccess
		}
	}
	return resource, scopes, nil
}

// Narrow returns the scope of the token: the requested scope if all of it is allowed, and
// everything allowed when none was requested.
func (t *Terms) Narrow(requested string) (string, error) {
	asked, err := parse(requested)
	if err != nil {
		return "", err
	}
	if asked == nil {
		return everything(t.allowed...), nil
	}
	return pick(asked, t.allowed, nil)
}

// parse splits a scope parameter. It returns nil if there is none.
func parse(scope string) ([]string, error) {
	asked, err := oauth.ParseScope(scope)
	if err != nil {
		return nil, &oauth.Error{Code: oauth.InvalidScope, Detail: err.Error()}
	}
	return asked, nil
}

// pick returns the requested scopes except those in leftOut. It refuses a scope that is
// neither in leftOut nor in allowed.
func pick(asked, allowed, leftOut []string) (string, error) {
	var kept []string
	for _, s := range asked {
		switch {
		case slices.Contains(allowed, s):
			kept = append(kept, s)
		case !slices.Contains(leftOut, s):
			return "", oauth.Refuse(oauth.InvalidScope, "a requested scope is not allowed for this client at every requested resource")
		}
	}
	return strings.Join(kept, " "), nil
}

// everything returns the scope value of all allowed scopes.
func everything(allowed ...string) string {
	all := slices.Sorted(slices.Values(allowed))
	return strings.Join(slices.Compact(all), " ")
}
