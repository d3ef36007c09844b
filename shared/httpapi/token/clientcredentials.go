package token

import (
	"context"
	"net/url"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// clientCredentials issues a token for the client itself (RFC 6749 §4.4). There
// is never a refresh token (§4.4.3): the client can ask again.
func (h *Handler) clientCredentials(ctx context.Context, c *client.Client, form url.Values) (*oauth.TokenResponse, error) {
	targets, err := h.targets(ctx, c, form["resource"])
	if err != nil {
		return nil, err
	}
	scope, err := targets.narrow(form.Get("scope"))
	if err != nil {
		return nil, err
	}
	issued, err := h.Tokens.Mint(ctx, token.Request{
		Subject:   c.ID,
		ClientID:  c.ID,
		Audience:  targets.audience,
		Scope:     strings.Join(scope, " "),
		Algorithm: targets.algorithm,
		Lifetime:  targets.lifetime,
	})
	if err != nil {
		return nil, err
	}
	httpapi.Note(ctx).TokenID = issued.ID
	return &oauth.TokenResponse{
		AccessToken: issued.Value,
		TokenType:   oauth.TokenTypeBearer,
		ExpiresIn:   int64(issued.Lifetime.Seconds()),
		Scope:       strings.Join(scope, " "),
	}, nil
}
