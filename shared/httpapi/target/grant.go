package target

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Granted is what a person's sign-in gives a client. It may be more than one
// token can hold: each access token is for a part of it.
type Granted struct {
	// Resources are as in Targets.
	Resources []string
	// Scope is everything that is granted, at whichever of the resources.
	Scope string
}

// Grant judges what a client asks for at a sign-in: resources that it may reach,
// the default one if it names none, and scopes each of which it may have at one
// of these at least, all of them if it names none.
func (h *Chooser) Grant(ctx context.Context, c *client.Client, requested []string, scope string) (Granted, error) {
	ids, err := h.wanted(c, requested)
	if err != nil {
		return Granted{}, err
	}
	all := &Targets{}
	for _, id := range ids {
		one, err := h.combine(ctx, c, []string{id})
		if err != nil {
			return Granted{}, err
		}
		all.allowed = append(all.allowed, one.allowed...)
	}
	granted, err := all.Narrow(scope)
	return Granted{Resources: ids, Scope: granted}, err
}

// ErrNothingLeft says that the client has lost its access to everything that
// was granted.
var ErrNothingLeft = errors.New("the client has no access to what was granted any more")

// Within judges a request under a grant, and returns what the token is good for
// and its scope. Every resource must have been granted. Without one the token is
// for the first of those that were granted and that allow the requested scope.
//
// What the client was granted and may no longer have is left out, and
// ErrNothingLeft returned when that is all.
func (h *Chooser) Within(ctx context.Context, c *client.Client, granted Granted, requested []string, scope string) (*Targets, string, error) {
	ids, err := h.resolve(requested)
	if err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		if !slices.Contains(granted.Resources, id) {
			return nil, "", oauth.Refuse(oauth.InvalidTarget, "the resource is not part of the grant")
		}
	}
	if len(ids) == 0 {
		if ids, err = h.first(ctx, c, granted, scope); err != nil {
			return nil, "", err
		}
	}
	t, err := h.combine(ctx, c, ids)
	if err != nil {
		return nil, "", err
	}
	given := strings.Fields(granted.Scope)
	t.allowed = slices.DeleteFunc(t.allowed, func(s string) bool { return !slices.Contains(given, s) })
	narrowed, err := t.Narrow(scope)
	return t, narrowed, err
}

// first returns the first granted resource that the client may still reach and
// that allows the scope; the first of all if none allows it.
func (h *Chooser) first(ctx context.Context, c *client.Client, granted Granted, scope string) ([]string, error) {
	var ids []string
	for _, id := range granted.Resources {
		allowed, ok := c.Scopes(id)
		if !ok {
			continue
		}
		if _, err := h.Clients.Resource(ctx, id); errors.Is(err, client.ErrUnknown) {
			continue
		} else if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(strings.Fields(scope), func(s string) bool { return !slices.Contains(allowed, s) }) {
			return []string{id}, nil
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 && len(granted.Resources) > 0 {
		return nil, ErrNothingLeft
	}
	return ids[:min(1, len(ids))], nil
}
