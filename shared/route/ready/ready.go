// Package ready serves GET /ready: whether every dependency of the routes answers, and
// how fast. Only an operator may read it, with an access token for our API that has
// the scope [contract.ScopeReady].
package ready

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	db := dynamo.Client(e)
	keys := &published.Store{DB: db, Table: e.Name(contract.Registry), Now: e.Now}
	route := e.Route(&Handler{
		Guard: &bearer.Guard{Issuer: e.Issuer, Keys: keys, Now: e.Now},
		Checks: []Check{
			{Name: string(contract.Registry), Run: keys.Check},
			{Name: string(contract.Sessions), Run: dynamo.Readable(db, e.Name(contract.Sessions))},
			{Name: string(contract.Audit), Run: dynamo.Readable(db, e.Name(contract.Audit))},
			{Name: string(contract.Keys), Run: vault.Current(vault.Client(e), e.Name(contract.Keys))},
			{Name: "clock", Run: steady(e.Now)},
		},
	})
	route.Problems = true
	return route, nil
}

// Handler runs the checks, one after another.
type Handler struct {
	Guard  *bearer.Guard
	Checks []Check
}

// Check is one dependency that has to work. Run returns the reason why it does not.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// Report is the answer.
type Report struct {
	// Status is "ready" or "not ready".
	Status  string   `json:"status"`
	Version string   `json:"version"`
	Checks  []Result `json:"checks"`
}

// Result is the result of one check.
type Result struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Milliseconds is how long the check took.
	Milliseconds float64 `json:"milliseconds"`
}

// Serve answers 200 if every check succeeds, and 503 otherwise. The answer names the
// failed check, and the log has the reason.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.Guard.Require(r.Context(), r, contract.ScopeReady); err != nil {
		return err
	}
	status := http.StatusOK
	report := Report{Status: "ready", Version: contract.Version}
	for _, check := range h.Checks {
		start := time.Now()
		err := check.Run(r.Context())
		report.Checks = append(report.Checks, Result{
			Name: check.Name, OK: err == nil,
			Milliseconds: float64(time.Since(start).Microseconds()) / 1000,
		})
		if err != nil {
			status, report.Status = http.StatusServiceUnavailable, "not ready"
			httpapi.Note(r.Context()).Error += fmt.Sprintf("check %s: %v; ", check.Name, err)
		}
	}
	httpapi.Answer(w, status, report)
	return nil
}

// maxDrift is the largest accepted difference between the machine's clock and the
// gateway's.
const maxDrift = 10 * time.Second

// steady compares the gateway's clock with the machine's.
func steady(gateway func(context.Context) time.Time) func(context.Context) error {
	return func(ctx context.Context) error {
		if drift := time.Since(gateway(ctx)).Abs(); drift > maxDrift {
			return fmt.Errorf("the clocks of gateway and function differ by %s", drift)
		}
		return nil
	}
}
