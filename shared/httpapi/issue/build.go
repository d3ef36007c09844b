package issue

import (
	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
)

// New builds an Issuer from the environment of its route. It shares the store of
// clients with the route, so that each client is read once.
func New(e *wire.Env, db *dynamo.DB, clients *client.Store, held *vault.Vault) *Issuer {
	now := e.Now
	verifier := dynamo.Proofs(e, db)
	verifier.Nonces = held.MACKey
	return &Issuer{
		Sessions: dynamo.Sessions(e, db),
		Handles:  &session.Handles{Keys: held.MACKey, Region: e.Region},
		Audience: &audience.Resolver{Issuer: e.Issuer, Clients: clients},
		Tokens:   &token.Minter{Issuer: e.Issuer, Keys: held.Document, Now: now},
		Proofs:   verifier,
		Now:      now,
	}
}
