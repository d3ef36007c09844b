// Package health serves GET /health, which reports whether the function runs at all.
// It calls no dependency, so it is healthy when everything behind it is down. GET
// /ready reports the rest to the callers that may know.
package health

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	route := e.Route(&Handler{Commit: e.Commit, Region: e.Region})
	route.Problems = true
	return route, nil
}

// Handler answers with the version, the commit and the region of this process.
type Handler struct {
	// Commit and Region are those of the deployment.
	Commit, Region string
}

// Status is the answer.
type Status struct {
	Status  string `json:"status"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Region  string `json:"region"`
}

// Serve answers 200 with a Status.
func (h *Handler) Serve(w http.ResponseWriter, _ *http.Request) error {
	httpapi.Answer(w, http.StatusOK, Status{
		Status: "healthy", Version: contract.Version, Commit: h.Commit, Region: h.Region,
	})
	return nil
}
