// Package token serves POST /token (RFC 6749 §3.2), which issues access tokens.
// The grants are one file each.
package token

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/renew"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Handler answers with a token, or says why there is none.
type Handler struct {
	Auth *clientauth.Guard
	// Renewer renews grants, and has what every grant needs.
	Renewer *renew.Renewer
}

// Serve hands over to the grant. What each asks of a client that identifies
// itself is its own: only with a secret can a client get a token for itself.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	grant := r.PostForm.Get("grant_type")
	authenticate := h.Auth.Authenticate
	switch grant {
	case "":
		return oauth.Refuse(oauth.InvalidRequest, "grant_type is missing")
	case oauth.GrantClientCredentials:
	case oauth.GrantRefreshToken:
		authenticate = h.Auth.Identify
	default:
		return oauth.Refuse(oauth.UnsupportedGrantType, "this server does not know the grant_type")
	}
	httpapi.Note(r.Context()).Grant = grant
	c, err := authenticate(r)
	if err != nil {
		return err
	}
	if grant == oauth.GrantRefreshToken {
		return h.Renewer.Serve(w, r, c)
	}
	return h.clientCredentials(w, r, c)
}
