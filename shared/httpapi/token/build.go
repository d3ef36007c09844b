package token

import (
	"context"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/token"
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
	return e.Route(&Handler{
		Issuer:  e.Issuer,
		Clients: &client.Store{DB: dynamo.Client(e), Table: e.Name(contract.Registry), Now: e.Clock.Now},
		Tokens:  &token.Minter{Issuer: e.Issuer, Keys: held.Document, Now: e.Clock.Now},
	}), nil
}
