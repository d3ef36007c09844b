// Package credentials builds the service that changes the credentials of users. It is a
// separate package because it links the passkey library.
package credentials

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Service returns the service that changes the credentials of users.
func Service(e *wire.Env, db *dynamodb.Client, users *identity.Store, sessions *session.Store) *credential.Service {
	registry, trail := e.Name(contract.Registry), sessions.Trail
	return &credential.Service{
		Users:     users,
		Passkeys:  &passkey.Store{DB: db, Registry: registry, Trail: trail, People: users, Now: e.Now},
		Apps:      &otp.Store{DB: db, Registry: registry, Peppers: users.Peppers, People: users, Trail: trail, Now: e.Now},
		Links:     &external.Store{DB: db, Registry: registry, People: users, Now: e.Now},
		Upstreams: &upstream.Store{DB: db, Registry: registry, Now: e.Now},
		Sessions:  sessions,
	}
}
