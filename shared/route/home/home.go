// Package home serves GET /, the start page: what this server is, the link to sign in,
// and the documents for developers who connect a client.
package home

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	return e.Route(&Handler{Issuer: e.Issuer}), nil
}

// Handler shows the start page.
type Handler struct{ Issuer string }

// Serve answers with the page, which is the same for every visitor.
func (h *Handler) Serve(w http.ResponseWriter, _ *http.Request) error {
	web.Render(w, http.StatusOK, web.Home{Issuer: h.Issuer, Documents: []web.Link{
		{Path: contract.Discovery.Path(), Text: "OpenID Connect metadata"},
		{Path: contract.Discovery.Paths[1], Text: "OAuth metadata"},
		{Path: contract.JWKS.Path(), Text: "Signing keys"},
		{Path: contract.Health.Path(), Text: "Health"},
	}})
	return nil
}

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
