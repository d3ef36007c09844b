package account

import (
	"context"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/credentials"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/passkeys"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := vault.Prepared(e)
	db, registry, now := dynamo.Client(e), e.Name(contract.Registry), e.Now
	store := dynamo.Sessions(e, db)
	known := vault.People(e, db, held, store.Trail)
	browser := &userauth.Browser{Sessions: store, Users: known}
	clients := &client.Store{DB: db, Table: registry, Now: now}
	// The id comes from a grant, which this server wrote, and only its name is
	// shown. So it needs no verification.
	clients.Registered = func(ctx context.Context, id string) (*client.Client, error) {
		return registration.Unverified(id, now(ctx))
	}
	return e.Route(&Handler{
		Issuer:      e.Issuer,
		Browser:     browser,
		Sessions:    store,
		Clients:     clients,
		Consents:    &consent.Store{DB: db, Registry: registry, Trail: store.Trail, Now: now},
		Passkeys:    passkeys.Party(e, known, held),
		Credentials: credentials.Service(e, db, known, store),
		Trail:       store.Trail,
		Flow:        signin.New(e, browser, held),
		Forms:       &websec.Forms{Key: held.MACKey, Now: now},
		Now:         now,
	}), nil
}
