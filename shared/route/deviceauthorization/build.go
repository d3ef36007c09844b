package deviceauthorization

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/unregistered"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := vault.Prepared(e)
	db, now := dynamo.Client(e), e.Now
	auth := clientauth.New(e, db)
	unregistered.Admit(e, db, auth.Clients, held.MACKey)
	return e.Route(&Handler{
		Issuer:   e.Issuer,
		Auth:     auth,
		Audience: &audience.Resolver{Issuer: e.Issuer, Clients: auth.Clients},
		Devices:  &device.Store{DB: db, Sessions: e.Name(contract.Sessions), Key: vault.ThrottleKey(held), Now: now},
		Throttle: vault.Throttle(e, db, held),
	}), nil
}
