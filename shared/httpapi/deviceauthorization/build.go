package deviceauthorization

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/target"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/strangers"
	"github.com/tipstaff/tipstaff/shared/wire/throttle"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := secrets.Prepared(e)
	db, now := dynamo.Client(e), e.Clock.Now
	auth := clientauth.New(e, db)
	strangers.Admit(e, db, auth.Clients, held.MACKey)
	return e.Route(&Handler{
		Issuer:   e.Issuer,
		Auth:     auth,
		Targets:  &target.Chooser{Issuer: e.Issuer, Clients: auth.Clients},
		Devices:  &device.Store{DB: db, Sessions: e.Name(contract.Sessions), Key: throttle.Key(held), Now: now},
		Throttle: throttle.Store(e, db, held),
	}), nil
}
