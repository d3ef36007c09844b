package token

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// targets is what a token will be good for: the resources a client asked for
// and may reach, and what they have in common.
type targets struct {
	audience  []string
	allowed   []string // scopes at every one of the resources
	algorithm string
	lifetime  time.Duration
}

// targets judges the resource parameters (RFC 8707 §2). Without one the client
// gets its default resource, and a client without access gets the issuer
// itself, where it may do nothing.
//
// Every resource in the audience will honour every scope in the token (§2), so
// only what the client may do at each of them can be in it. Resources that sign
// differently cannot share a token, and resources that live differently share
// the shortest life.
func (h *Handler) targets(ctx context.Context, c *client.Client, requested []string) (*targets, error) {
	ids, err := h.resolve(c, requested)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return &targets{audience: []string{h.Issuer}, algorithm: oauth.ES256, lifetime: client.DefaultLifetime}, nil
	}
	t := &targets{}
	for i, id := range ids {
		scopes, ok := c.Scopes(id)
		if !ok {
			return nil, oauth.Refuse(oauth.InvalidTarget, "the client has no access to this resource")
		}
		resource, err := h.Clients.Resource(ctx, id)
		if errors.Is(err, client.ErrUnknown) {
			return nil, &oauth.Error{Code: oauth.InvalidTarget, Detail: "the client has no access to this resource", Err: err}
		}
		if err != nil {
			return nil, err
		}
		if t.algorithm != "" && t.algorithm != resource.Algorithm {
			return nil, oauth.Refuse(oauth.InvalidTarget, "these resources need differently signed tokens: ask for one token each")
		}
		t.algorithm = resource.Algorithm
		if t.lifetime == 0 || resource.Lifetime < t.lifetime {
			t.lifetime = resource.Lifetime
		}
		t.audience = append(t.audience, h.audience(id))
		if i == 0 {
			t.allowed = slices.Clone(scopes)
		}
		t.allowed = slices.DeleteFunc(t.allowed, func(s string) bool { return !slices.Contains(scopes, s) })
	}
	return t, nil
}

// resolve turns the requested resources into ids, each once.
func (h *Handler) resolve(c *client.Client, requested []string) ([]string, error) {
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
	if fallback := c.DefaultResource(); len(ids) == 0 && fallback != "" {
		ids = []string{fallback}
	}
	return ids, nil
}

// audience is how a resource stands in a token.
func (h *Handler) audience(id string) string {
	if id == contract.APIPath {
		return h.Issuer + id
	}
	return id
}

// narrow returns the scopes of the token: what was asked for if all of it is
// allowed, and all that is allowed when nothing was asked for.
func (t *targets) narrow(requested string) ([]string, error) {
	scopes, err := oauth.ParseScope(requested)
	if err != nil {
		return nil, &oauth.Error{Code: oauth.InvalidScope, Detail: err.Error()}
	}
	if scopes == nil {
		return t.allowed, nil
	}
	for _, s := range scopes {
		if !slices.Contains(t.allowed, s) {
			return nil, oauth.Refuse(oauth.InvalidScope, "a requested scope is not allowed for this client at every requested resource")
		}
	}
	return scopes, nil
}
