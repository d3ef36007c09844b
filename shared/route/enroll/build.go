package enroll

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/credentials"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/passkeys"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the first
// request.
func New(e *wire.Env) (http.Handler, error) {
	held, db := vault.Prepared(e), dynamo.Client(e)
	now, table, registry := e.Now, e.Name(contract.Sessions), e.Name(contract.Registry)
	store := dynamo.Sessions(e, db)
	persons := vault.People(e, db, held, store.Trail)
	codes := signin.NewCodes(e, db, held, persons)
	forms := &websec.Forms{Key: held.MACKey, Now: now}
	asking := &Asking{Issuer: e.Issuer, People: persons, Throttle: codes.Throttle, Forms: forms}
	if !e.Mail.Off() {
		asking.Requests = &recovery.Queue{Kind: recovery.Requests, DB: db, Table: table, Now: now}
	}
	return e.Route(&Handler{
		Issuer:      e.Issuer,
		OneTime:     &onetime.Store{DB: db, Sessions: table, Now: now},
		People:      persons,
		Passkeys:    passkeys.Party(e, persons, held),
		Codes:       codes,
		Credentials: credentials.Service(e, db, persons, store),
		Upstreams:   &upstream.Store{DB: db, Registry: registry, Now: now},
		Throttle:    codes.Throttle,
		Forms:       forms,
		Flow:        signin.New(e, &userauth.Browser{Sessions: store, Users: persons}, held),
		Asking:      asking,
	}), nil
}
