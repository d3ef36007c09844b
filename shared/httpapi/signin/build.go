package signin

import (
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	wirevault "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the flow of a function from its environment.
func New(e *wire.Env, b *userauth.Browser, held *vault.Vault) *Flow {
	return &Flow{
		Browser: b, Steps: &opaque.Box{Kind: opaque.SignInStep, Keys: held.MACKey}, Now: e.Now,
	}
}

// NewCodes builds the [Codes] of a function from its environment.
func NewCodes(e *wire.Env, db *dynamo.DB, held *vault.Vault, people *identity.Store) *Codes {
	return &Codes{
		Throttle: wirevault.Throttle(e, db, held),
		OTP:      &otp.Store{DB: db, Registry: people.Registry, Peppers: people.Peppers, People: people, Trail: people.Trail, Now: e.Now},
		Refusals: &audit.Refusals{DB: db, Sessions: e.Name(contract.Sessions), Trail: people.Trail},
	}
}
