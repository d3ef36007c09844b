// Package introspect serves POST /introspect (RFC 7662): a resource server asks
// what a token that it was shown is worth. It learns about tokens issued for
// its own resources, and of all others only that they are not active.
package introspect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

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
)

// New builds the route from its environment. The public keys are read ahead of
// the first request.
func New(e *wire.Env) (http.Handler, error) {
	db := dynamo.Client(e)
	keys := &published.Store{DB: db, Table: e.Name(contract.Registry), Now: e.Clock.Now}
	e.Prepare(keys.Load)
	return e.Route(&Handler{
		Auth:     clientauth.New(e, db),
		Guard:    &bearer.Guard{Issuer: e.Issuer, Keys: keys, Now: e.Clock.Now},
		Sessions: &session.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: e.Clock.Now},
		Now:      e.Clock.Now,
	}), nil
}

// Handler answers whether a token is active.
type Handler struct {
	Auth  *clientauth.Guard
	Guard *bearer.Guard
	// Sessions is only read.
	Sessions *session.Store
	Now      func() time.Time
}

// maxCache is how long a resource server may believe an answer.
const maxCache = 10 * time.Second

// Serve answers 200 with an oauth.Introspection. Only an asker that cannot be
// identified and a request without a token are refused.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	asker, err := h.asker(r.Context(), r)
	if err != nil {
		return err
	}
	presented := r.PostForm.Get("token")
	if presented == "" {
		return oauth.Refuse(oauth.InvalidRequest, "token is missing")
	}
	claims, err := h.judge(r.Context(), asker, presented)
	if errors.Is(err, token.ErrInvalid) {
		httpapi.Note(r.Context()).Error = err.Error()
		httpapi.Answer(w, http.StatusOK, oauth.Introspection{})
		return nil
	}
	if err != nil {
		return err
	}
	note := httpapi.Note(r.Context())
	note.TokenID, note.Session = claims.ID, claims.SessionID
	left := min(maxCache, time.Unix(claims.Expires, 0).Sub(h.Now()))
	w.Header().Del("Pragma")
	w.Header().Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(left.Seconds())))
	httpapi.Answer(w, http.StatusOK, oauth.Introspection{
		Active:    true,
		Scope:     claims.Scope,
		ClientID:  claims.ClientID,
		TokenType: oauth.TokenTypeBearer,
		Subject:   claims.Subject,
		Audience:  claims.Audience,
		Issuer:    claims.Issuer,
		Expires:   claims.Expires,
		IssuedAt:  claims.IssuedAt,
		ID:        claims.ID,
		SessionID: claims.SessionID,
		AuthTime:  claims.AuthTime,
		AMR:       claims.AMR,
	})
	return nil
}

// asker is the resource server: a client with its secret, or a client with an
// access token for our API (RFC 7662 §2.1).
func (h *Handler) asker(ctx context.Context, r *http.Request) (*client.Client, error) {
	if !bearer.Presented(r) {
		return h.Auth.Authenticate(r)
	}
	claims, err := h.Guard.Require(ctx, r, contract.ScopeIntrospect)
	if err != nil {
		return nil, err
	}
	c, err := h.live(ctx, claims.ClientID)
	if errors.Is(err, token.ErrInvalid) {
		return nil, &oauth.Error{Code: oauth.InvalidToken, Detail: "the access token is not valid", Err: err}
	}
	return c, err
}

// judge returns the claims of a token that is active and concerns the asker.
// Every reason why it is not wraps token.ErrInvalid.
func (h *Handler) judge(ctx context.Context, asker *client.Client, presented string) (*token.Claims, error) {
	claims, err := h.Guard.Verify(ctx, presented)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(claims.Audience, asker.MayIntrospect) {
		return nil, fmt.Errorf("%w: issued for %s, which the client may not introspect",
			token.ErrInvalid, strings.Join(claims.Audience, " "))
	}
	if _, err := h.live(ctx, claims.ClientID); err != nil {
		return nil, err
	}
	return claims, h.session(ctx, claims)
}

// session reads the grant of a token that has one, consistently: from the moment
// that somebody has ended it, the token is not active any more.
func (h *Handler) session(ctx context.Context, claims *token.Claims) error {
	if claims.SessionID == "" {
		return nil
	}
	g, err := h.Sessions.Grant(ctx, claims.Subject, claims.SessionID)
	if errors.Is(err, session.ErrEnded) {
		return fmt.Errorf("%w: its session has ended", token.ErrInvalid)
	}
	if err != nil {
		return err
	}
	if g.Client != claims.ClientID {
		return fmt.Errorf("%w: its session is another client's", token.ErrInvalid)
	}
	return nil
}

// live returns the client of a token unless it is gone or disabled since.
func (h *Handler) live(ctx context.Context, id string) (*client.Client, error) {
	c, err := h.Auth.Clients.Client(ctx, id)
	if errors.Is(err, client.ErrUnknown) {
		return nil, fmt.Errorf("%w: its client is gone", token.ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	if c.Disabled {
		return nil, fmt.Errorf("%w: its client is disabled", token.ErrInvalid)
	}
	return c, nil
}
