// Package consenttext puts into words what a client asks a user for, for the pages on
// which the user agrees or refuses.
package consenttext

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/web"
)

// App returns the name of a client. It also returns the origin of a client that
// registered itself and has a document there, which proves the owner; origin is empty
// otherwise. The id of a client that registered itself means nothing to a user, and is
// no name.
func App(c *client.Client) (name, origin string) {
	name = c.Name
	if !c.SelfRegistered {
		if name == "" {
			name = c.ID
		}
		return name, ""
	}
	if u, err := url.Parse(c.ID); err == nil && u.Scheme == "https" {
		origin = u.Host
	}
	if name == "" {
		name = "Unnamed application"
	}
	return name, origin
}

// identity has the meaning of each identity scope in words.
var identity = map[string]string{
	oauth.ScopeOpenID:        "Sign you in and recognize you",
	oauth.ScopeProfile:       "See your name and username",
	oauth.ScopeEmail:         "See your email address",
	oauth.ScopeOfflineAccess: "Keep this access while you are away",
}

// Asks returns what is to be granted to a client: first about the user, then at each
// resource. A scope without a description is listed by its name, and a deleted
// resource is left out.
func Asks(ctx context.Context, clients *client.Store, c *client.Client, granted audience.Granted) ([]web.Ask, error) {
	scopes := strings.Fields(granted.Scope)
	var about web.Ask
	for _, s := range oauth.IdentityScopes {
		if slices.Contains(scopes, s) {
			about.Scopes = append(about.Scopes, identity[s])
		}
	}
	asks := []web.Ask{about}
	for _, id := range granted.Resources {
		resource, err := clients.Resource(ctx, id)
		if errors.Is(err, client.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, err
		}
		asks = append(asks, at(resource, c, scopes))
	}
	return slices.DeleteFunc(asks, func(a web.Ask) bool { return len(a.Scopes) == 0 }), nil
}

// at returns what the client asks for at one resource.
func at(resource *client.Resource, c *client.Client, scopes []string) web.Ask {
	may, _ := c.Scopes(resource.ID)
	if c.SelfRegistered {
		may = resource.SelfRegistered
	}
	a := web.Ask{Place: resource.Name}
	if a.Place == "" {
		a.Place = resource.ID
	}
	for _, s := range scopes {
		if slices.Contains(may, s) && !slices.Contains(oauth.IdentityScopes, s) {
			a.Scopes = append(a.Scopes, words(resource, s))
		}
	}
	return a
}

func words(resource *client.Resource, scope string) string {
	for _, s := range resource.Scopes {
		if s.Name == scope && s.Description != "" {
			return s.Description
		}
	}
	return scope
}
