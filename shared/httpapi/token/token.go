// Package token serves POST /token (RFC 6749 §3.2), which issues access tokens.
// The grants are one file each.
package token

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Handler answers with a token, or says why there is none.
type Handler struct {
	Issuer  string
	Clients *client.Store
	Tokens  *token.Minter
}

// Serve authenticates the client and hands over to the grant.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	grant := r.PostForm.Get("grant_type")
	switch grant {
	case "":
		return oauth.Refuse(oauth.InvalidRequest, "grant_type is missing")
	case oauth.GrantClientCredentials:
	default:
		return oauth.Refuse(oauth.UnsupportedGrantType, "this server does not know the grant_type")
	}
	httpapi.Note(r.Context()).Grant = grant
	c, err := clientauth.Authenticate(r.Context(), h.Clients, r)
	if err != nil {
		return err
	}
	if !c.MayUse(grant) {
		return oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this grant_type")
	}
	response, err := h.clientCredentials(r.Context(), c, r.PostForm)
	if err != nil {
		return err
	}
	httpapi.Answer(w, http.StatusOK, response)
	return nil
}
