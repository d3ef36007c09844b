// Package audience decides what an access token is good for: at which resources,
// with which scopes, signed how and for how long. Every grant asks it, each
// with its own upper bound: what the client is registered for, and for a token
// of a person also what was granted when they signed in.
//
// Most scopes are allowed at a resource. The identity scopes are not (OpenID
// Connect Core §5.4, §11): what they allow is to know who the person is, which
// is asked at the userinfo endpoint, and to stay signed in. They are a list of
// their own in a registration, and only the token of a person carries them.
//
// A client that registered itself has no registration of ours that could bound
// it. It may have, at a resource, the scopes that the resource opens to such
// clients, and nothing where it names no resource.
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

// Resolver chooses targets for one issuer.
type Resolver struct {
	Issuer  string
	Clients *client.Store
}

// Terms is what a token will be good for: the resources a client asked for
// and may reach, and what they have in common.
type Terms struct {
	// Resources are the ids of the resources, as a client's registration
	// writes them; none for a token that is good for nothing but the issuer.
	Resources []string
	// Audience is how the resources stand in a token, with the userinfo
	// endpoint if the token is good there.
	Audience  []string
	Algorithm string
	Lifetime  time.Duration

	allowed []string // scopes at every one of the resources
}

// errAccess is the same for a resource that does not exist and for one that the
// client may not reach.
var errAccess = oauth.Refuse(oauth.InvalidTarget, "the client has no access to this resource")

// Resolve judges the resource parameters of a client that asks for itself (RFC
// 8707 §2). Without one the client gets its default resource, and a client
// without access gets the issuer itself, where it may do nothing.
//
// Every resource in the audience will honour every scope in the token (§2), so
// only what the client may do at each of them can be in it. Resources that sign
// differently cannot share a token, and resources that live differently share
// the shortest life.
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

// combine finds what the resources have in common.
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
	// No resource can define one: a token for it would open userinfo's door.
	t.allowed = slices.DeleteFunc(t.allowed, identity)
	return t, nil
}

// access returns a resource with the scopes that the client may have there, or
// errAccess.
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

// Narrow returns the scope of the token: what was asked for if all of it is
// allowed, and all that is allowed when nothing was asked for.
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

// parse splits a scope parameter, nil if there is none.
func parse(scope string) ([]string, error) {
	asked, err := oauth.ParseScope(scope)
	if err != nil {
		return nil, &oauth.Error{Code: oauth.InvalidScope, Detail: err.Error()}
	}
	return asked, nil
}

// pick returns what was asked for without what is to be left out, and refuses
// what is neither that nor allowed.
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

// everything is a scope of all that is allowed.
func everything(allowed ...string) string {
	all := slices.Sorted(slices.Values(allowed))
	return strings.Join(slices.Compact(all), " ")
}
