package device

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
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
		Browser:  &userauth.Browser{Sessions: store, Users: &identity.Store{DB: db, Registry: registry, Now: now}},
		Clients:  clients,
		Devices:  &device.Store{DB: db, Sessions: e.Name(contract.Sessions), Key: vault.ThrottleKey(held), Trail: store.Trail, Now: now},
		Throttle: vault.Throttle(e, db, held),
		Forms:    &websec.Forms{Key: held.MACKey, Now: now},
		Now:      now,
	}), nil
}
