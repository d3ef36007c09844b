// Package revoke serves POST /revoke (RFC 7009): a client reports that it no longer
// wants a token, for instance because the user signed out of it.
//
// # What a revocation ends
//
// A refresh token, of any generation, ends its whole grant, and so does an access
// token that was issued with one. The refresh token stops working, and every access
// token of the grant stops being active at POST /introspect.
//
// An access token that a client got for itself belongs to no grant. It stays good
// until it expires a few minutes later; RFC 7009 §2 leaves that to the server. The
// same holds for a token that was exchanged for another one (RFC 8693): its grant is
// that of another client, and the client that received the token may not end it.
//
// # The answer
//
// The answer never tells what the revocation did. A client cannot tell a token of
// another client from a revoked one.
package revoke

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/unregistered"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	db := dynamo.Client(e)
	held := vault.Keys(e)
	auth := clientauth.New(e, db)
	unregistered.Admit(e, db, auth.Clients, held.MACKey)
	return e.Route(&Handler{
		Auth: auth,
		Guard: &bearer.Guard{
			Issuer: e.Issuer, Keys: &published.Store{DB: db, Table: e.Name(contract.Registry), Now: e.Now}, Now: e.Now,
		},
		Handles:  &session.Handles{Keys: held.MACKey, Region: e.Region},
		Sessions: dynamo.Sessions(e, db),
	}), nil
}

// Handler ends grants for their clients.
type Handler struct {
	Auth     *clientauth.Guard
	Guard    *bearer.Guard
	Handles  *session.Handles
	Sessions *session.Store
}

// Serve answers 200 with an empty object, unless the client or the request is invalid,
// or the grant could not be ended.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	c, err := h.Auth.Identify(r)
	if err != nil {
		return err
	}
	presented := r.PostForm.Get("token")
	if presented == "" {
		return oauth.Refuse(oauth.InvalidRequest, "token is missing")
	}
	if err := h.revoke(r.Context(), c, presented); err != nil {
		return err
	}
	// Strict clients reject an empty body.
	httpapi.Answer(w, http.StatusOK, struct{}{})
	return nil
}

// revoke ends the grant of a token if it belongs to c.
func (h *Handler) revoke(ctx context.Context, c *client.Client, presented string) error {
	subject, id, err := h.grant(ctx, presented)
	if errors.Is(err, token.ErrInvalid) || errors.Is(err, session.ErrForged) {
		httpapi.Note(ctx).Error = err.Error()
		return nil
	}
	if err != nil || id == "" {
		return err
	}
	g, err := h.Sessions.Grant(ctx, subject, id)
	if errors.Is(err, session.ErrEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	if g.Client != c.ID {
		httpapi.Note(ctx).Error = "the token is another client's"
		return nil
	}
	note := httpapi.Note(ctx)
	note.Subject, note.Session = subject, id
	// The client of a grant never changes, so no change can come between the check and
	// the end.
	return h.Sessions.End(ctx, subject, id, session.Cause{
		Why: session.Revoked, Actor: c.ID, RequestID: httpapi.RequestID(ctx),
	})
}

// grant returns the subject and the id of the grant of a token. The id is empty for a
// token without a grant.
func (h *Handler) grant(ctx context.Context, presented string) (subject, id string, err error) {
	old, err := h.Handles.Parse(ctx, presented)
	if err == nil {
		return old.Subject, old.Grant, nil
	}
	if !errors.Is(err, session.ErrForged) {
		return "", "", err
	}
	claims, err := h.Guard.Verify(ctx, presented)
	if err != nil {
		return "", "", err
	}
	if claims.Act != nil {
		return "", "", nil
	}
	return claims.Subject, claims.SessionID, nil
}
