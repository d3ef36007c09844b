// Package login serves /login: a person proves who they are.
//
// In a browser that is a page with a form, and its result is a login session in
// a cookie, with which other pages of ours know the person. For the operator's
// own clients it is JSON: the client asks for user name and password itself and
// gets a grant, as if the person had allowed it. A native client receives the
// refresh token of the grant, a page has it in a cookie that no script can read.
//
// Whoever tries a password is slowed down before the password is looked at, and
// is told the same for a name that nobody has as for a wrong password, in words,
// in headers and in time.
package login

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/renew"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/vault"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	counters "github.com/tipstaff/tipstaff/shared/wire/throttle"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	db := dynamo.Client(e)
	held := secrets.Prepared(e)
	auth := clientauth.New(e, db)
	renewer := renew.New(e, db, auth.Clients, held)
	route := e.Route(&Handler{
		Issuer:  e.Issuer,
		Auth:    auth,
		Renewer: renewer,
		People: &identity.Store{
			DB: db, Registry: e.Name(contract.Registry), Peppers: Peppers(held), Trail: renewer.Sessions.Trail, Now: e.Clock.Now,
		},
		Throttle: counters.Store(e, db, held),
		Forms:    &browser.Forms{Key: held.MACKey, Now: e.Clock.Now},
	})
	route.Origins = browser.Origins(auth.Clients)
	return route, nil
}

// Handler signs people in.
type Handler struct {
	Issuer   string
	Auth     *clientauth.Guard
	Renewer  *renew.Renewer
	People   *identity.Store
	Throttle *throttle.Store
	Forms    *browser.Forms
}

// Serve shows the form, takes it, or answers a client.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	switch {
	case r.Method != http.MethodPost:
		return h.show(w, r)
	case httpapi.IsJSON(r):
		return h.answer(w, r)
	default:
		return h.submit(w, r)
	}
}

// Peppers gives people's passwords the peppers of a vault.
func Peppers(held *vault.Vault) identity.Peppers {
	return func(ctx context.Context, id string) (identity.Pepper, error) {
		p, err := held.Pepper(ctx, id)
		if errors.Is(err, keys.ErrUnknown) && id == "" {
			// The keys of an earlier release: the next rotation adds one.
			return identity.Pepper{}, nil
		}
		if errors.Is(err, keys.ErrUnknown) {
			return identity.Pepper{}, identity.ErrPepper
		}
		if err != nil {
			return identity.Pepper{}, err
		}
		return identity.Pepper{ID: p.ID, Key: p.Key}, nil
	}
}
