// Package jwks serves GET /jwks: the public keys that verify the tokens of this
// stage (RFC 7517 §5). It reads the public halves in the registry table and may
// not read the secret.
package jwks

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	store := &published.Store{DB: dynamo.Client(e), Table: e.Name(contract.Registry), Now: e.Now}
	e.Prepare(store.Load)
	return e.Route(&Handler{Keys: store}), nil
}

// Handler answers with the key set.
type Handler struct{ Keys *published.Store }

// errNone is returned when the stage has no keys yet. Verifiers would cache an empty
// set, and then refuse every token for minutes.
var errNone = errors.New("no key is published yet")

// Serve answers 200, or 304 to a client that has the set.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	all, err := h.Keys.Keys(r.Context())
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errNone
	}
	set, err := keys.Set(all)
	if err != nil {
		return err
	}
	httpapi.NewDocument(set).Write(w, r)
	return nil
}
