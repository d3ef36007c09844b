// Package bearer guards Tipstaff's own resources. A request may enter with an access
// token of ours that was issued for the resource and carries the scope (RFC 6750).
//
// A token that is bound to a key is no bearer token. It comes with the scheme DPoP and
// a proof of the key (RFC 9449 §7). Without the proof it is worth nothing, so a token
// that is found in a log cannot be used.
package bearer

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Guard judges the access tokens of one issuer.
type Guard struct {
	Issuer string
	// Audience is the resource, empty for our API, which is Issuer and
	// [contract.APIPath].
	Audience string
	Keys     *published.Store
	// Proofs judges the proofs of tokens that are bound to a key. It is nil for a
	// resource that accepts no such token.
	Proofs *dpop.Verifier
	Now    func(context.Context) time.Time
}

// Presented reports whether the request carries an access token in its header, in
// either scheme.
func Presented(r *http.Request) bool {
	_, _, ok := credential(r)
	return ok
}

// Require returns the claims of the request's token if it was issued for the resource
// with the scope, and the sender may use it. Otherwise the error is invalid_token,
// insufficient_scope or invalid_dpop_proof, with a challenge.
func (g *Guard) Require(ctx context.Context, r *http.Request, scope string) (*token.Claims, error) {
	claims, err := g.require(ctx, r, scope)
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return nil, g.challenge(r, scope, refused)
	}
	if err != nil {
		return nil, err
	}
	httpapi.Note(ctx).Client = claims.ClientID
	return claims, nil
}

func (g *Guard) require(ctx context.Context, r *http.Request, scope string) (*token.Claims, error) {
	scheme, value, ok := credential(r)
	if !ok {
		return nil, oauth.Refuse(oauth.InvalidToken, "an access token is required")
	}
	claims, err := g.Verify(ctx, value)
	if errors.Is(err, token.ErrInvalid) {
		return nil, &oauth.Error{Code: oauth.InvalidToken, Detail: "the access token is not valid", Err: err}
	}
	if err != nil {
		return nil, err
	}
	if !slices.Contains(claims.Audience, g.audience()) {
		return nil, oauth.Refuse(oauth.InvalidToken, "the access token is for another resource")
	}
	if err := g.prove(r, scheme, value, claims); err != nil {
		return nil, err
	}
	if !slices.Contains(strings.Split(claims.Scope, " "), scope) {
		return nil, oauth.Refuse(oauth.InsufficientScope, "the access token lacks the scope "+scope)
	}
	return claims, nil
}

// prove demands a proof for a token that is bound to a key, and the Bearer scheme for
// one that is not. A client that means to prove a key so notices that its token is not
// bound.
func (g *Guard) prove(r *http.Request, scheme, value string, claims *token.Claims) error {
	jkt, bound := Bound(claims)
	switch {
	case bound && g.Proofs == nil:
		return oauth.Refuse(oauth.InvalidToken, "the access token is bound to a key, and this resource takes none that is")
	case bound && scheme != oauth.TokenTypeDPoP:
		return oauth.Refuse(oauth.InvalidToken, "the access token is bound to a key: send it with the scheme DPoP and a proof")
	case !bound && scheme == oauth.TokenTypeDPoP:
		return oauth.Refuse(oauth.InvalidToken, "the access token is not bound to a key: send it with the scheme Bearer")
	case !bound:
		return nil
	}
	return g.Proofs.Present(r, value, jkt)
}

// Bound returns the thumbprint of the key that a token is bound to, and whether it is
// bound to any. No client can meet a confirmation that names no key.
func Bound(c *token.Claims) (jkt string, bound bool) {
	if c.Confirmation == nil {
		return "", false
	}
	return c.Confirmation.JKT, true
}

// Verify returns the claims of an access token of this issuer, for any resource and
// bound to any key. The error wraps [token.ErrInvalid] unless the keys could not be
// read.
func (g *Guard) Verify(ctx context.Context, value string) (*token.Claims, error) {
	return token.Verify(ctx, value, token.Expect{
		Issuer: g.Issuer,
		Type:   token.AccessType,
		Keys:   g.Keys.Verifying,
		Now:    g.Now(ctx),
	})
}

func (g *Guard) audience() string {
	if g.Audience != "" {
		return g.Audience
	}
	return g.Issuer + contract.APIPath
}

// credential returns the access token in the header, and its scheme as
// [oauth.TokenTypeBearer] or [oauth.TokenTypeDPoP].
func credential(r *http.Request) (scheme, value string, ok bool) {
	name, value, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || value == "" {
		return "", "", false
	}
	for _, known := range []string{oauth.TokenTypeBearer, oauth.TokenTypeDPoP} {
		if strings.EqualFold(name, known) {
			return known, value, true
		}
	}
	return "", "", false
}
