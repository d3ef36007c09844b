package token

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/renew"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := secrets.Prepared(e)
	db := dynamo.Client(e)
	auth := clientauth.New(e, db)
	return e.Route(&Handler{Auth: auth, Renewer: renew.New(e, db, auth.Clients, held)}), nil
}
