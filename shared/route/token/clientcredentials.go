package token

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// clientCredentials issues a token for the client itself (RFC 6749 §4.4). There
// is never a refresh token (§4.4.3): the client can ask again.
func (h *Handler) clientCredentials(w http.ResponseWriter, r *http.Request, c *client.Client) error {
	if !c.MayUse(oauth.GrantClientCredentials) {
		return oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this grant_type")
	}
	terms, err := h.Issue.Audience.Resolve(r.Context(), c, r.PostForm["resource"])
	if err != nil {
		return err
	}
	scope, err := terms.Narrow(r.PostForm.Get("scope"))
	if err != nil {
		return err
	}
	jkt, err := h.Issue.Proofs.Optional(r, c)
	if err != nil {
		return err
	}
	issued, err := h.Issue.Tokens.Mint(r.Context(), token.Request{
		Subject:   c.ID,
		ClientID:  c.ID,
		Audience:  terms.Audience,
		Scope:     scope,
		Algorithm: terms.Algorithm,
		Lifetime:  terms.Lifetime,
		JKT:       jkt,
	})
	if err != nil {
		return err
	}
	httpapi.Note(r.Context()).TokenID = issued.ID
	answer := issue.Issued{Access: issued, Scope: scope, Bound: jkt != ""}
	httpapi.Answer(w, http.StatusOK, answer.Response())
	return nil
}
