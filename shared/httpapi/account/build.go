package account

import (
	"context"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/sessions"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := secrets.Prepared(e)
	db, registry := dynamo.Client(e), e.Name(contract.Registry)
	clients := &client.Store{DB: db, Table: registry, Now: e.Clock.Now}
	// The id is that of a grant, so that we wrote it; only its name is shown.
	clients.Registered = func(_ context.Context, id string) (*client.Client, error) {
		return registration.Unverified(id, e.Clock.Now())
	}
	return e.Route(&Handler{
		Issuer:   e.Issuer,
		Sessions: sessions.Store(e, db),
		People:   &identity.Store{DB: db, Registry: registry, Now: e.Clock.Now},
		Clients:  clients,
		Forms:    &browser.Forms{Key: held.MACKey, Now: e.Clock.Now},
		Now:      e.Clock.Now,
	}), nil
}
