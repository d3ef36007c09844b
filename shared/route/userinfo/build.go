package userinfo

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
)

// New builds the route from its environment. The public keys are read ahead of
// the first request.
func New(e *wire.Env) (http.Handler, error) {
	db, registry, now := dynamo.Client(e), e.Name(contract.Registry), e.Now
	keys := &published.Store{DB: db, Table: registry, Now: now}
	e.Prepare(keys.Load)
	return e.Route(&Handler{
		Tokens: &bearer.Live{
			Guard:    &bearer.Guard{Issuer: e.Issuer, Audience: Audience(e.Issuer), Keys: keys, Proofs: dynamo.Proofs(e, db), Now: now},
			Clients:  &client.Store{DB: db, Table: registry, Now: now, Documents: Registered, Registered: Registered},
			Sessions: &session.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: now},
		},
		People: &identity.Store{DB: db, Registry: registry, Now: now},
	}), nil
}
