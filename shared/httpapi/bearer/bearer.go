// Package bearer guards Tipstaff's own API: who presents an access token of
// ours may enter, if it was issued for this API and carries the scope (RFC
// 6750).
package bearer

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Guard knows the tokens of one issuer.
type Guard struct {
	Issuer string
	Keys   *published.Store
	Now    func() time.Time
}

// Presented reports whether the request carries a bearer token.
func Presented(r *http.Request) bool {
	_, ok := credential(r)
	return ok
}

// Require returns the claims of the request's token if it was issued for our
// API with the scope. Otherwise the error is invalid_token or
// insufficient_scope.
func (g *Guard) Require(ctx context.Context, r *http.Request, scope string) (*token.Claims, error) {
	value, ok := credential(r)
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
	if !slices.Contains(claims.Audience, g.Issuer+contract.APIPath) {
		return nil, oauth.Refuse(oauth.InvalidToken, "the access token is for another resource")
	}
	if !slices.Contains(strings.Split(claims.Scope, " "), scope) {
		return nil, oauth.Refuse(oauth.InsufficientScope, "the access token lacks the scope "+scope)
	}
	httpapi.Note(ctx).Client = claims.ClientID
	return claims, nil
}

// Verify returns the claims of an access token of this issuer, for whatever
// resource. The error wraps token.ErrInvalid unless the keys could not be read.
func (g *Guard) Verify(ctx context.Context, value string) (*token.Claims, error) {
	return token.Verify(ctx, value, token.Expect{
		Issuer: g.Issuer,
		Type:   token.AccessType,
		Keys:   g.Keys.Verifying,
		Now:    g.Now(),
	})
}

func credential(r *http.Request) (string, bool) {
	scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || value == "" {
		return "", false
	}
	return value, true
}
