package upstream

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/upstream/secrets"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the first
// request, and the client secrets when a user returns from an upstream.
func New(e *wire.Env) (http.Handler, error) {
	held := vault.Prepared(e)
	db, now := dynamo.Client(e), e.Now
	store := dynamo.Sessions(e, db)
	registry, table := e.Name(contract.Registry), e.Name(contract.Sessions)
	people := vault.People(e, db, held, store.Trail)
	return e.Route(&Handler{
		Issuer:    e.Issuer,
		Upstreams: &upstream.Store{DB: db, Registry: registry, Now: now},
		Party:     &relying.Party{Issuer: e.Issuer, Secret: secretOf(vault.UpstreamSecrets(e)), Now: now},
		Journeys: &relying.Journeys{
			DB: db, Sessions: table, Now: now, Box: &opaque.Box{Kind: opaque.UpstreamState, Keys: held.MACKey},
		},
		Links:    &external.Store{DB: db, Registry: registry, People: people, Now: now},
		OneTime:  &onetime.Store{DB: db, Sessions: table, Now: now},
		People:   people,
		Flow:     signin.New(e, &userauth.Browser{Sessions: store, Users: people}, held),
		Forms:    &websec.Forms{Key: held.MACKey, Now: now},
		Throttle: vault.Throttle(e, db, held),
		Refusals: &audit.Refusals{DB: db, Sessions: table, Trail: store.Trail},
		Now:      now,
	}), nil
}

// secretOf reads client secrets for a [relying.Party]. An upstream without a secret
// gets an empty one.
func secretOf(held *secrets.Vault) func(context.Context, string) (string, error) {
	return func(ctx context.Context, id string) (string, error) {
		secret, err := held.Secret(ctx, id)
		if errors.Is(err, secrets.ErrNone) {
			return "", nil
		}
		return secret, err
	}
}
