package token

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/keys/published"
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
	db := dynamo.Client(e)
	auth := clientauth.New(e, db)
	unregistered.Admit(e, db, auth.Clients, held.MACKey)
	issuer := issue.New(e, db, auth.Clients, held)
	public := &published.Store{DB: db, Table: e.Name(contract.Registry), Now: e.Now}
	return e.Route(&Handler{
		Auth:    auth,
		Codes:   &session.Codes{Keys: held.MACKey, Region: e.Region, Now: e.Now},
		Devices: &device.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: e.Now},
		Issue:   issuer,
		Active: &bearer.Live{
			Guard:   &bearer.Guard{Issuer: e.Issuer, Keys: public, Now: e.Now},
			Clients: auth.Clients, Sessions: issuer.Sessions,
		},
	}), nil
}
