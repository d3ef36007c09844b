// Package passkeys builds the passkey services of a stage.
package passkeys

import (
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Party returns the service that signs users in with passkeys and registers new ones.
func Party(e *wire.Env, people *identity.Store, held *vault.Vault) *passkey.Party {
	return &passkey.Party{Verifier: Verifier(e, people, held)}
}

// Verifier returns the service that signs users in with passkeys.
func Verifier(e *wire.Env, people *identity.Store, held *vault.Vault) *passkey.Verifier {
	return &passkey.Verifier{
		Issuer: e.Issuer, People: people,
		Challenges: &passkey.Challenges{Key: held.MACKey, Now: e.Now},
		Store: &passkey.Store{
			DB: people.DB, Registry: people.Registry, Trail: people.Trail, People: people, Now: e.Now,
		},
		Replay: &replay.Store{DB: people.DB, Sessions: e.Name(contract.Sessions), Now: e.Now},
	}
}
