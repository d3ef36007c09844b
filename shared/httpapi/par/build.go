package par

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/target"
	"github.com/tipstaff/tipstaff/shared/pushed"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/proofs"
	"github.com/tipstaff/tipstaff/shared/wire/strangers"
	"github.com/tipstaff/tipstaff/shared/wire/throttle"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request: they are in the nonces of proofs.
func New(e *wire.Env) (http.Handler, error) {
	held := secrets.Prepared(e)
	db := dynamo.Client(e)
	auth := clientauth.New(e, db)
	strangers.Admit(e, db, auth.Clients, held.MACKey)
	verifier := proofs.Verifier(e, db)
	verifier.Nonces = held.MACKey
	return e.Route(&Handler{
		Auth:    auth,
		Targets: &target.Chooser{Issuer: e.Issuer, Clients: auth.Clients},
		Proofs:  verifier,
		Pushed:  &pushed.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: e.Clock.Now},

		Throttle: throttle.Store(e, db, held),
	}), nil
}
