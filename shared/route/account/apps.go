package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/consenttext"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// app is a client with the name and the origin that the page shows.
type app struct {
	*client.Client
	name, origin string
}

// app returns a client by its id, from the registry or from the id itself. A client
// that was removed is named by its id, if the id is readable. So is a client with a
// metadata document, because the page does not fetch it.
func (v *visit) app(ctx context.Context, id string) (app, error) {
	if id == "" {
		return app{}, nil
	}
	if a, ok := v.met[id]; ok {
		return a, nil
	}
	c, err := v.Clients.Client(ctx, id)
	if errors.Is(err, client.ErrUnknown) {
		c = &client.Client{ID: id, SelfRegistered: !client.ValidID(id) || len(id) > longestName}
	} else if err != nil {
		return app{}, err
	}
	a := app{Client: c}
	if a.name, a.origin = consenttext.App(c); c.Name == "" && a.origin != "" {
		a.name = a.origin
	}
	if v.met == nil {
		v.met = map[string]app{}
	}
	v.met[id] = a
	return a, nil
}

// longestName is the length of the longest id, in bytes, that is shown as a name. The
// ids of clients that registered themselves are longer and mean nothing to a user.
const longestName = 64

// apps are the applications with a grant of the user, last used first. Each has what
// all its grants together allow.
func (v *visit) apps(ctx context.Context, items []session.Item) ([]web.App, error) {
	var all []web.App
	for _, g := range group(items) {
		a, err := v.app(ctx, g.client)
		if err != nil {
			return nil, err
		}
		shown := web.App{ID: pseudonym(g.client), Name: a.name, Origin: a.origin, First: g.first.Created, Last: g.last.Used}
		shown.Asks, err = consenttext.Asks(ctx, v.Clients, a.Client, audience.Granted{
			Resources: slices.Compact(slices.Sorted(slices.Values(g.audience))), Scope: strings.Join(g.scopes, " "),
		})
		if err != nil {
			return nil, err
		}
		all = append(all, shown)
	}
	return all, nil
}

// held are the grants of one client taken together.
type held struct {
	client           string
	scopes, audience []string
	// first is the grant that was given first, and last the one used last.
	first, last session.Item
}

// group puts the grants of each client together.
func group(items []session.Item) []*held {
	var all []*held
	by := map[string]*held{}
	for _, i := range items { // what was used last comes first
		if i.Kind != session.KindGrant {
			continue
		}
		h := by[i.Client]
		if h == nil {
			h = &held{client: i.Client, first: i, last: i}
			by[i.Client], all = h, append(all, h)
		}
		if i.Created.Before(h.first.Created) {
			h.first = i
		}
		h.audience = append(h.audience, i.Audience...)
		for _, s := range strings.Fields(i.Scope) {
			if !slices.Contains(h.scopes, s) {
				h.scopes = append(h.scopes, s)
			}
		}
	}
	return all
}

// pseudonym stands for a client id in the forms of the page: 16 hexadecimal digits,
// because some client ids are very long.
func pseudonym(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

// endApp ends all grants of an application and forgets the consent of the user, so
// that the application has to ask again. The consent goes first: if ending the
// grants fails, the application is still on the page.
func (v *visit) endApp() error {
	ctx := v.r.Context()
	items, err := v.Sessions.List(ctx, v.login.Subject)
	if err != nil {
		return err
	}
	for _, g := range group(items) {
		if pseudonym(g.client) != v.r.PostForm.Get("id") {
			continue
		}
		if _, err := v.Consents.Forget(ctx, v.login.Subject, g.client, httpapi.RequestID(ctx)); err != nil {
			return err
		}
		if _, err := v.Sessions.EndClient(ctx, v.login.Subject, g.client, v.cause()); err != nil {
			return err
		}
	}
	return v.done(doneEndApp)
}
