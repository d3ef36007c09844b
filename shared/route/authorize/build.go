package authorize

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/unregistered"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := vault.Prepared(e)
	db, registry, now := dynamo.Client(e), e.Name(contract.Registry), e.Now
	clients := &client.Store{DB: db, Table: registry, Now: now}
	unregistered.Admit(e, db, clients, held.MACKey)
	store := dynamo.Sessions(e, db)
	return e.Route(&Handler{
		Issuer:   e.Issuer,
		Clients:  clients,
		Audience: &audience.Resolver{Issuer: e.Issuer, Clients: clients},
		Pushed:   &par.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: now},
		Browser:  &userauth.Browser{Sessions: store, Users: &identity.Store{DB: db, Registry: registry, Now: now}},
		Codes:    &session.Codes{Keys: held.MACKey, Region: e.Region, Now: now},
		Consents: &consent.Store{DB: db, Registry: registry, Trail: store.Trail, Now: now},
		Forms:    &websec.Forms{Key: held.MACKey, Now: now},
		Now:      now,
	}), nil
}
