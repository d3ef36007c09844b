package audience

import (
	"context"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Exchange judges what a client may exchange a token for (RFC 8693 §2.1): each
// target is one of the token's own, or one for which the client may exchange
// tokens, and everywhere the client needs access itself. The scope is what the
// token carries and the client may have there, or the part of it that is asked
// for: nothing is ever more than before.
//
// Identity scopes are not passed on: nobody but the client that a person let in
// is told who they are.
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
		// A token without scope may mean everything to whoever reads it.
		err = oauth.Refuse(oauth.InvalidScope, "nothing of the token's scope is allowed for this client at every target")
	}
	return t, narrowed, err
}

// Resource returns the id of a resource that stands in a token.
func (h *Resolver) Resource(audience string) string {
	if audience == h.Issuer+contract.APIPath {
		return contract.APIPath
	}
	return audience
}
