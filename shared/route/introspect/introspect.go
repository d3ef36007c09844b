// Package introspect serves POST /introspect (RFC 7662): a resource server asks for
// the state of a token that it received. It learns about tokens issued for its own
// resources. Of all others it learns only that they are not active.
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
	"github.com/tipstaff/tipstaff/shared/wire/unregistered"
)

// New builds the route from its environment. The public keys are read ahead of
// the first request.
func New(e *wire.Env) (http.Handler, error) {
	db := dynamo.Client(e)
	keys := &published.Store{DB: db, Table: e.Name(contract.Registry), Now: e.Now}
	e.Prepare(keys.Load)
	auth := clientauth.New(e, db)
	// A client that registered itself never authenticates here. It occurs in tokens
	// only.
	unregistered.Recognize(e, db, auth.Clients)
	return e.Route(&Handler{
		Auth: auth,
		Active: &bearer.Live{
			Guard:    &bearer.Guard{Issuer: e.Issuer, Keys: keys, Proofs: dynamo.Proofs(e, db), Now: e.Now},
			Clients:  auth.Clients,
			Sessions: &session.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: e.Now},
		},
		Now: e.Now,
	}), nil
}

// Handler answers whether a token is active.
type Handler struct {
	Auth *clientauth.Guard
	// Active judges the tokens that a request asks about, and its Guard the tokens
	// that authorize a request.
	Active *bearer.Live
	Now    func(context.Context) time.Time
}

// maxCache is how long a resource server may cache an answer.
const maxCache = 10 * time.Second

// Serve answers 200 with an [oauth.Introspection]. It refuses only a resource server
// that cannot be identified, and a request without a token.
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
	left := min(maxCache, time.Unix(claims.Expires, 0).Sub(h.Now(r.Context())))
	w.Header().Del("Pragma")
	w.Header().Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(left.Seconds())))
	httpapi.Answer(w, http.StatusOK, answer(claims))
	return nil
}

// answer returns the claims of an active token. The resource server itself must check
// the proof for a token that is bound to a key: the proof was sent to the resource
// server, and made for its URL.
func answer(claims *token.Claims) oauth.Introspection {
	a := oauth.Introspection{
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
		ACR:       claims.ACR,
	}
	if claims.Confirmation != nil {
		a.TokenType, a.Confirmation = oauth.TokenTypeDPoP, claims.Confirmation
	}
	if claims.Act != nil {
		a.Act = claims.Act
	}
	return a
}

// asker returns the resource server. It is a client that authenticates, or a client
// with an access token for our API (RFC 7662 §2.1), and not both at once.
func (h *Handler) asker(ctx context.Context, r *http.Request) (*client.Client, error) {
	if !bearer.Presented(r) {
		return h.Auth.Authenticate(r)
	}
	if r.PostForm.Has("client_secret") || r.PostForm.Has("client_assertion") || r.PostForm.Has("client_assertion_type") {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the client authenticates in two ways at once")
	}
	claims, err := h.Active.Guard.Require(ctx, r, contract.ScopeIntrospect)
	if err != nil {
		return nil, err
	}
	err = h.Active.Check(ctx, claims)
	if errors.Is(err, token.ErrInvalid) {
		return nil, &oauth.Error{Code: oauth.InvalidToken, Detail: "the access token is not valid", Err: err}
	}
	if err != nil {
		return nil, err
	}
	return h.Auth.Clients.Client(ctx, claims.ClientID)
}

// judge returns the claims of a token that is active and concerns the asker. Otherwise
// the error wraps [token.ErrInvalid]. Nothing is read about a token that does not
// concern the asker.
func (h *Handler) judge(ctx context.Context, asker *client.Client, presented string) (*token.Claims, error) {
	claims, err := h.Active.Guard.Verify(ctx, presented)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(claims.Audience, asker.MayIntrospect) {
		return nil, fmt.Errorf("%w: issued for %s, which the client may not introspect",
			token.ErrInvalid, strings.Join(claims.Audience, " "))
	}
	return claims, h.Active.Check(ctx, claims)
}
