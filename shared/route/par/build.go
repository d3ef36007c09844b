package par

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/unregistered"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the first
// request, because the nonces of proofs need them.
func New(e *wire.Env) (http.Handler, error) {
	held := vault.Prepared(e)
	db := dynamo.Client(e)
	auth := clientauth.New(e, db)
	unregistered.Admit(e, db, auth.Clients, held.MACKey)
	verifier := dynamo.Proofs(e, db)
	verifier.Nonces = held.MACKey
	return e.Route(&Handler{
		Auth:     auth,
		Audience: &audience.Resolver{Issuer: e.Issuer, Clients: auth.Clients},
		Proofs:   verifier,
		Pushed:   &par.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: e.Now},

		Throttle: vault.Throttle(e, db, held),
	}), nil
}
