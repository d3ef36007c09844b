// Package token serves POST /token (RFC 6749 §3.2), which issues access tokens.
// The grants are one file each.
package token

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Handler answers with a token, or with the reason why there is none.
type Handler struct {
	Auth  *clientauth.Guard
	Codes *session.Codes
	// Devices are the requests of devices for tokens.
	Devices *device.Store
	// Issue renews grants, and has what every grant needs.
	Issue *issue.Issuer
	// Active judges the tokens that are to be exchanged.
	Active *bearer.Live
}

// Serve calls the handler of the grant type. Each of them decides what the client must
// prove: only an authenticated client can get a token for itself, while a public one
// may present what a user gave it.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	grant := r.PostForm.Get("grant_type")
	authenticate, serve := h.Auth.Identify, h.authorizationCode
	switch grant {
	case "":
		return oauth.Refuse(oauth.InvalidRequest, "grant_type is missing")
	case oauth.GrantAuthorizationCode:
	case oauth.GrantDeviceCode:
		serve = h.deviceCode
	case oauth.GrantRefreshToken:
		serve = h.Issue.Serve
	case oauth.GrantClientCredentials:
		authenticate, serve = h.Auth.Authenticate, h.clientCredentials
	case oauth.GrantTokenExchange:
		authenticate, serve = h.Auth.Authenticate, h.exchange
	default:
		return oauth.Refuse(oauth.UnsupportedGrantType, "this server does not know the grant_type")
	}
	httpapi.Note(r.Context()).Grant = grant
	c, err := authenticate(r)
	if err != nil {
		return err
	}
	return serve(w, r, c)
}
