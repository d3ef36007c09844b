package upstream

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/handle"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/linked"
	"github.com/tipstaff/tipstaff/shared/sealed"
	"github.com/tipstaff/tipstaff/shared/ticket"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/vault"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/people"
	"github.com/tipstaff/tipstaff/shared/wire/sessions"
	counters "github.com/tipstaff/tipstaff/shared/wire/throttle"
	"github.com/tipstaff/tipstaff/shared/wire/upstreams"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the first
// request, and the client secrets when somebody comes back.
func New(e *wire.Env) (http.Handler, error) {
	held := secrets.Prepared(e)
	db, now := dynamo.Client(e), e.Clock.Now
	store := sessions.Store(e, db)
	registry, table := e.Name(contract.Registry), e.Name(contract.Sessions)
	return e.Route(&Handler{
		Issuer:    e.Issuer,
		Upstreams: &upstream.Store{DB: db, Registry: registry, Now: now},
		Party:     &relying.Party{Issuer: e.Issuer, Secret: secretOf(upstreams.Secrets(e)), Now: now},
		Journeys: &relying.Journeys{
			DB: db, Sessions: table, Now: now, Box: &sealed.Box{Kind: handle.UpstreamState, Keys: held.MACKey},
		},
		Links:    &linked.Store{DB: db, Registry: registry, Now: now},
		Tickets:  &ticket.Store{DB: db, Sessions: table, Now: now},
		People:   people.Store(e, db, held, store.Trail),
		Door:     signin.New(e, store, held),
		Forms:    &browser.Forms{Key: held.MACKey, Now: now},
		Throttle: counters.Store(e, db, held),
		Refusals: &audit.Refusals{DB: db, Sessions: table, Trail: store.Trail},
		Now:      now,
	}), nil
}

// secretOf reads client secrets for a relying.Party, to which no secret is an
// empty one.
func secretOf(held *vault.Vault) func(context.Context, string) (string, error) {
	return func(ctx context.Context, id string) (string, error) {
		secret, err := held.Secret(ctx, id)
		if errors.Is(err, vault.ErrNone) {
			return "", nil
		}
		return secret, err
	}
}
