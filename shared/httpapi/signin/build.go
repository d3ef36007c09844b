package signin

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/wire"
	wirevault "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New is the door of a function.
func New(e *wire.Env, sessions *session.Store, held *vault.Vault) *Flow {
	return &Flow{
		Sessions: sessions, Steps: &opaque.Box{Kind: opaque.SignInStep, Keys: held.MACKey}, Now: e.Now,
	}
}

// NewCodes is what checks the second steps of a function.
func NewCodes(e *wire.Env, db *dynamodb.Client, held *vault.Vault, people *identity.Store) *Codes {
	return &Codes{
		Throttle: wirevault.Throttle(e, db, held),
		OTP:      &otp.Store{DB: db, Registry: people.Registry, Peppers: people.Peppers, People: people, Trail: people.Trail, Now: e.Now},
		Refusals: &audit.Refusals{DB: db, Sessions: e.Name(contract.Sessions), Trail: people.Trail},
	}
}
