package logout

import (
	"context"
	"net/http"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := vault.Prepared(e)
	db, registry, now := dynamo.Client(e), e.Name(contract.Registry), e.Now
	return e.Route(&Handler{
		Issuer: e.Issuer,
		Browser: &userauth.Browser{
			Sessions: dynamo.Sessions(e, db), Users: &identity.Store{DB: db, Registry: registry, Now: now},
		},
		Clients: &client.Store{DB: db, Table: registry, Now: now},
		Keys:    Verifying(held.Document, now),
		Forms:   &websec.Forms{Key: held.MACKey, Now: now},
		Now:     now,
	}), nil
}

// Verifying finds the keys of our ID tokens among the private keys, which this route
// has for its forms anyway.
func Verifying(document func(context.Context) (*keys.Document, error), now func(context.Context) time.Time) token.Keys {
	return func(ctx context.Context, kid string) (keys.Verifying, error) {
		d, err := document(ctx)
		if err != nil {
			return keys.Verifying{}, err
		}
		publics, err := d.Public()
		if err != nil {
			return keys.Verifying{}, err
		}
		for _, p := range keys.Published(publics, now(ctx)) {
			if p.ID == kid {
				return p.Verifying()
			}
		}
		return keys.Verifying{}, keys.ErrUnknown
	}
}
