package audience

import (
	"context"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Exchange checks a token exchange (RFC 8693 §2.1). Each target is a resource of the
// token, or one for which the client may exchange tokens. The client needs access to each
// target itself. The scope is what the token carries and the client may have there, or
// the requested part of it. An exchange never adds a permission.
//
// Identity scopes are not passed on: only the client that the user signed in to receives
// claims about the user.
func (h *Resolver) Exchange(ctx context.Context, c *client.Client, audience []string, carried string, requested []string, scope string) (*Terms, string, error) {
	w, err := h.resolve(requested)
	if err != nil {
		return nil, "", err
	}
	if w.userInfo {
		return nil, "", errAccess
	}
	for _, id := range w.ids {
		if !slices.Contains(audience, h.audience(id)) && !c.MayExchange(id) {
			return nil, "", oauth.Refuse(oauth.InvalidTarget, "the client may not exchange tokens for this target")
		}
	}
	if len(w.ids) == 0 {
		return nil, "", oauth.Refuse(oauth.InvalidTarget, "audience or resource must say what the token is to be good for")
	}
	t, err := h.combine(ctx, c, w.ids)
	if err != nil {
		return nil, "", err
	}
	had := strings.Fields(carried)
	t.allowed = slices.DeleteFunc(t.allowed, func(s string) bool { return !slices.Contains(had, s) })
	narrowed, err := t.Narrow(scope)
	if err == nil && narrowed == "" && len(had) > 0 {
		// A resource could read a token without scope as one with every scope.
		err = oauth.Refuse(oauth.InvalidScope, "nothing of the token's scope is allowed for this client at every target")
	}
	return t, narrowed, err
}

// Resource returns the id of a resource in the audience of a token.
func (h *Resolver) Resource(audience string) string {
	if audience == h.Issuer+contract.APIPath {
		return contract.APIPath
	}
	return audience
}
