// Package target decides what an access token is good for: at which resources,
// with which scopes, signed how and for how long. Every grant asks it, each
// with its own upper bound: what the client is registered for, and for a token
// of a person also what was granted when they signed in.
package target

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Chooser chooses targets for one issuer.
type Chooser struct {
	Issuer  string
	Clients *client.Store
}

// Targets is what a token will be good for: the resources a client asked for
// and may reach, and what they have in common.
type Targets struct {
	// Resources are the ids of the resources, as a client's registration
	// writes them; none for a token that is good for nothing but the issuer.
	Resources []string
	// Audience is how the resources stand in a token.
	Audience  []string
	Algorithm string
	Lifetime  time.Duration

	allowed []string // scopes at every one of the resources
}

// errAccess is the same for a resource that does not exist and for one that the
// client may not reach.
var errAccess = oauth.Refuse(oauth.InvalidTarget, "the client has no access to this resource")

// Choose judges the resource parameters of a client that asks for itself (RFC
// 8707 §2). Without one the client gets its default resource, and a client
// without access gets the issuer itself, where it may do nothing.
//
// Every resource in the audience will honour every scope in the token (§2), so
// only what the client may do at each of them can be in it. Resources that sign
// differently cannot share a token, and resources that live differently share
// the shortest life.
func (h *Chooser) Choose(ctx context.Context, c *client.Client, requested []string) (*Targets, error) {
	ids, err := h.wanted(c, requested)
	if err != nil {
		return nil, err
	}
	return h.combine(ctx, c, ids)
}

// wanted returns the requested resources, or the default one.
func (h *Chooser) wanted(c *client.Client, requested []string) ([]string, error) {
	ids, err := h.resolve(requested)
	if fallback := c.DefaultResource(); err == nil && len(ids) == 0 && fallback != "" {
		ids = []string{fallback}
	}
	return ids, err
}

// combine finds what the resources have in common.
func (h *Chooser) combine(ctx context.Context, c *client.Client, ids []string) (*Targets, error) {
	if len(ids) == 0 {
		return &Targets{Audience: []string{h.Issuer}, Algorithm: oauth.ES256, Lifetime: client.DefaultLifetime}, nil
	}
	t := &Targets{Resources: ids}
	for i, id := range ids {
		scopes, ok := c.Scopes(id)
		if !ok {
			return nil, errAccess
		}
		resource, err := h.Clients.Resource(ctx, id)
		if errors.Is(err, client.ErrUnknown) {
			return nil, &oauth.Error{Code: errAccess.Code, Detail: errAccess.Detail, Err: err}
		}
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
	return t, nil
}

// resolve turns the requested resources into ids, each once.
func (h *Chooser) resolve(requested []string) ([]string, error) {
	var ids []string
	for _, r := range requested {
		if r == "" {
			continue
		}
		id, err := client.NormalizeResource(r)
		if err != nil {
			return nil, &oauth.Error{Code: oauth.InvalidTarget, Detail: err.Error(), Err: err}
		}
		if id == h.Issuer+contract.APIPath {
			id = contract.APIPath
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// audience is how a resource stands in a token.
func (h *Chooser) audience(id string) string {
	if id == contract.APIPath {
		return h.Issuer + id
	}
	return id
}

// Narrow returns the scope of the token: what was asked for if all of it is
// allowed, and all that is allowed when nothing was asked for.
func (t *Targets) Narrow(requested string) (string, error) {
	scopes, err := oauth.ParseScope(requested)
	if err != nil {
		return "", &oauth.Error{Code: oauth.InvalidScope, Detail: err.Error()}
	}
	if scopes == nil {
		scopes = slices.Clone(t.allowed)
		slices.Sort(scopes)
		return strings.Join(slices.Compact(scopes), " "), nil
	}
	for _, s := range scopes {
		if !slices.Contains(t.allowed, s) {
			return "", oauth.Refuse(oauth.InvalidScope, "a requested scope is not allowed for this client at every requested resource")
		}
	}
	return strings.Join(scopes, " "), nil
}
