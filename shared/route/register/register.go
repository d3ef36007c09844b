// Package register serves POST /register: a client registers itself (RFC 7591).
//
// A stage accepts no registration, registrations with an access token of an operator,
// or all registrations. A registered client is a public client that may sign users in
// after each of them has agreed, whatever it asked for.
//
// Nothing is stored: the client id is the registration (see package registration). So
// a flood of registrations costs one MAC each and leaves nothing behind.
package register

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	public := &published.Store{DB: dynamo.Client(e), Table: e.Name(contract.Registry), Now: e.Now}
	return e.Route(&Handler{
		Mode:  e.Registration,
		Guard: &bearer.Guard{Issuer: e.Issuer, Keys: public, Now: e.Now},
		IDs:   &registration.IDs{Keys: vault.Keys(e).MACKey, Now: e.Now},
	}), nil
}

// Handler registers clients.
type Handler struct {
	Mode contract.Registration
	// Guard accepts the access tokens of operators.
	Guard *bearer.Guard
	IDs   *registration.IDs
}

// Serve answers 201 with all metadata that is registered.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	if err := h.admit(r.Context(), r); err != nil {
		return err
	}
	m, err := read(r)
	if err != nil {
		return err
	}
	id, issued, err := h.IDs.Issue(r.Context(), m)
	if errors.Is(err, registration.ErrTooLong) {
		return oauth.Refuse(oauth.InvalidClientMetadata, "redirect_uris is too long in all: shorter or fewer URIs fit")
	}
	if err != nil {
		return err
	}
	answer := m.Answer(id)
	answer.IssuedAt = issued.Unix()
	httpapi.Answer(w, http.StatusCreated, answer)
	return nil
}

// admit refuses a registration that the stage does not accept.
func (h *Handler) admit(ctx context.Context, r *http.Request) error {
	switch h.Mode {
	case contract.RegistrationOpen:
		return nil
	case contract.RegistrationToken:
		_, err := h.Guard.Require(ctx, r, contract.ScopeRegister)
		return err
	default:
		return &httpapi.StatusError{
			Status: http.StatusForbidden,
			Err:    oauth.Refuse(oauth.AccessDenied, "this server registers no clients; ask its operator"),
		}
	}
}

// read reads the metadata. The codes of a refusal are those of RFC 7591 §3.2.2, also
// for a body that contains no metadata at all.
func read(r *http.Request) (*metadata.Metadata, error) {
	body, err := httpapi.Body(r)
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return nil, &oauth.Error{Code: oauth.InvalidClientMetadata, Detail: refused.Detail, Err: refused.Err}
	}
	if err != nil {
		return nil, err
	}
	return metadata.ParseRegistration(body)
}
