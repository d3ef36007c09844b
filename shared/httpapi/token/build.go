package token

import (
	"context"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/renew"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := &vault.Vault{Client: secrets.Client(e), Secret: e.Name(contract.Keys), Now: e.Clock.Now}
	e.Prepare(func(ctx context.Context) error {
		_, err := held.Document(ctx)
		return err
	})
	db := dynamo.Client(e)
	auth := clientauth.New(e, db)
	return e.Route(&Handler{Auth: auth, Renewer: renew.New(e, db, auth.Clients, held)}), nil
}
