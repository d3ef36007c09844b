package audience

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Granted is what a user's sign-in grants to a client. It may be more than one token can
// hold: each access token is for a part of it.
type Granted struct {
	// Resources are as in [Terms].
	Resources []string
	// Scope is everything that is granted: at any of the resources, and the identity
	// scopes.
	Scope string
}

// identity reports whether a scope is an identity scope.
func identity(scope string) bool { return slices.Contains(oauth.IdentityScopes, scope) }

// identityOf returns the identity scopes that the client may have.
func identityOf(c *client.Client) []string {
	if c.SelfRegistered {
		return oauth.IdentityScopes
	}
	return c.Identity
}

// Grant checks the request of a client at a sign-in. The client must have access to each
// resource. Without a resource it gets the default one. It must be allowed each scope at
// one of these resources at least, or as an identity scope. Without a scope it gets all
// that it may have at the resources, and no identity scope.
func (h *Resolver) Grant(ctx context.Context, c *client.Client, requested []string, scope string) (Granted, error) {
	w, err := h.wanted(c, requested)
	if err != nil {
		return Granted{}, err
	}
	asked, err := parse(scope)
	if err != nil {
		return Granted{}, err
	}
	if w.userInfo && !slices.Contains(asked, oauth.ScopeOpenID) {
		return Granted{}, errUserInfo
	}
	var allowed []string
	for _, id := range w.ids {
		one, err := h.combine(ctx, c, []string{id})
		if err != nil {
			return Granted{}, err
		}
		allowed = append(allowed, one.allowed...)
	}
	if asked == nil {
		return Granted{Resources: w.ids, Scope: everything(allowed...)}, nil
	}
	granted, err := pick(asked, append(allowed, identityOf(c)...), nil)
	return Granted{Resources: w.ids, Scope: granted}, err
}

var (
	// ErrNothingLeft is returned when the client has lost its access to everything
	// that was granted, or the offline_access scope that the grant depends on.
	ErrNothingLeft = errors.New("the client has no access to what was granted any more")

	errUserInfo = oauth.Refuse(oauth.InvalidTarget, "the userinfo endpoint needs the scope openid")
	errForeign  = oauth.Refuse(oauth.InvalidTarget, "the resource is not part of the grant")
)

// Within checks a request under a grant, and returns where the token is valid and its
// scope. Every resource must have been granted.
//
// A token for named resources is valid for these only and carries no identity scopes. A
// request without resource gets a token for the first granted resource that allows the
// requested scope. That token carries the identity scopes, and with openid it is valid
// at the userinfo endpoint. A request can also name that endpoint.
//
// Within leaves out what the client was granted and may no longer have. It returns
// [ErrNothingLeft] when nothing else is left.
func (h *Resolver) Within(ctx context.Context, c *client.Client, granted Granted, requested []string, scope string) (*Terms, string, error) {
	r, err := h.request(c, granted, requested, scope)
	if err != nil {
		return nil, "", err
	}
	if r.none() {
		if r.ids, err = h.first(ctx, c, granted, r); err != nil {
			return nil, "", err
		}
	}
	t, err := h.combine(ctx, c, r.ids)
	if err != nil {
		return nil, "", err
	}
	given := strings.Fields(granted.Scope)
	t.allowed = slices.DeleteFunc(t.allowed, func(s string) bool { return !slices.Contains(given, s) })
	narrowed, err := r.narrow(t.allowed)
	if err != nil {
		return nil, "", err
	}
	open := r.carries && slices.Contains(strings.Fields(narrowed), oauth.ScopeOpenID)
	switch {
	case r.userInfo && !open:
		return nil, "", oauth.Refuse(oauth.InvalidScope, errUserInfo.Detail)
	case open && len(r.ids) == 0:
		t.Audience = []string{h.UserInfo()}
	case open:
		t.Audience = append(t.Audience, h.UserInfo())
	}
	return t, narrowed, nil
}

// request is a request under a grant.
type request struct {
	wanted
	asked []string
	// identity are the granted identity scopes that the client may still have. The
	// token carries them, or they are left out.
	identity []string
	carries  bool
}

func (h *Resolver) request(c *client.Client, granted Granted, requested []string, scope string) (*request, error) {
	w, err := h.resolve(requested)
	if err != nil {
		return nil, err
	}
	r := &request{wanted: w, carries: w.none() || w.userInfo}
	if r.asked, err = parse(scope); err != nil {
		return nil, err
	}
	had := slices.DeleteFunc(strings.Fields(granted.Scope), func(s string) bool { return !identity(s) })
	for _, s := range had {
		switch {
		case slices.Contains(identityOf(c), s):
			r.identity = append(r.identity, s)
		case s == oauth.ScopeOfflineAccess:
			return nil, ErrNothingLeft
		}
	}
	if len(granted.Resources) == 0 && len(had) > 0 && len(r.identity) == 0 {
		return nil, ErrNothingLeft
	}
	if w.userInfo && !slices.Contains(r.identity, oauth.ScopeOpenID) {
		return nil, errForeign
	}
	for _, id := range w.ids {
		if !slices.Contains(granted.Resources, id) {
			return nil, errForeign
		}
	}
	return r, nil
}

// narrow returns the scope of the token, given the scopes allowed at its resources.
func (r *request) narrow(allowed []string) (string, error) {
	leftOut := r.identity
	if r.carries {
		allowed, leftOut = append(slices.Clone(allowed), r.identity...), nil
	}
	if r.asked == nil {
		return everything(allowed...), nil
	}
	return pick(r.asked, allowed, leftOut)
}

// first returns the first granted resource that the client still has access to and that
// allows the scope. It returns the first of all if none allows it.
func (h *Resolver) first(ctx context.Context, c *client.Client, granted Granted, r *request) ([]string, error) {
	var ids []string
	for _, id := range granted.Resources {
		_, allowed, err := h.access(ctx, c, id)
		if refused, ok := errors.AsType[*oauth.Error](err); ok && refused.Code == errAccess.Code {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(r.asked, func(s string) bool { return !identity(s) && !slices.Contains(allowed, s) }) {
			return []string{id}, nil
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 && len(granted.Resources) > 0 && !slices.Contains(r.identity, oauth.ScopeOpenID) {
		return nil, ErrNothingLeft
	}
	return ids[:min(1, len(ids))], nil
}
