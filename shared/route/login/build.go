package login

import (
	"context"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/passkeys"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	db := dynamo.Client(e)
	held := vault.Prepared(e)
	auth := clientauth.New(e, db)
	issuer := issue.New(e, db, auth.Clients, held)
	store := vault.People(e, db, held, issuer.Sessions.Trail)
	route := e.Route(&Handler{
		Issuer:    e.Issuer,
		Auth:      auth,
		Issue:     issuer,
		People:    store,
		Throttle:  vault.Throttle(e, db, held),
		Forms:     &websec.Forms{Key: held.MACKey, Now: e.Now},
		Flow:      signin.New(e, &userauth.Browser{Sessions: issuer.Sessions, Users: store}, held),
		Codes:     signin.NewCodes(e, db, held, store),
		Passkeys:  passkeys.Verifier(e, store, held),
		Upstreams: Upstreams(&upstream.Store{DB: db, Registry: e.Name(contract.Registry), Now: e.Now}),
	})
	route.Origins = websec.Origins(auth.Clients)
	return route, nil
}

// Upstreams returns a function that reads the upstreams of a store for the page.
func Upstreams(s *upstream.Store) func(context.Context) ([]web.Upstream, error) {
	return func(ctx context.Context) ([]web.Upstream, error) {
		all, err := s.List(ctx)
		if err != nil {
			return nil, err
		}
		shown := make([]web.Upstream, len(all))
		for i, u := range all {
			shown[i] = web.Upstream{ID: u.ID, Name: u.Name}
		}
		return shown, nil
	}
}
