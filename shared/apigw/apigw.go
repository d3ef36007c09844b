// Package apigw runs a function on AWS Lambda: it takes events from the Runtime
// API and translates those of an HTTP API (payload format 2.0) to net/http and
// back, so that the handlers know neither Lambda nor the gateway.
package apigw

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Serve runs the route f with the handler that build makes of the environment.
// It does not return. A start that fails ends the process with the reason on
// the log, which Lambda reports as an init error.
func Serve(f contract.Function, build func(*wire.Env) (http.Handler, error)) {
	env, err := wire.FromOS(f)
	if err != nil {
		exit(f, err)
	}
	handler, err := build(env)
	if err != nil {
		exit(f, err)
	}
	run(env, Handler(handler))
}

// Run runs the task f, which takes and returns JSON. It does not return.
func Run(f contract.Function, build func(*wire.Env) (Task, error)) {
	env, err := wire.FromOS(f)
	if err != nil {
		exit(f, err)
	}
	task, err := build(env)
	if err != nil {
		exit(f, err)
	}
	run(env, task)
}

// run works until the environment ends, which is never this side's decision.
func run(e *wire.Env, task Task) {
	rt := &runtime{address: e.Var("AWS_LAMBDA_RUNTIME_API"), log: os.Stderr}
	exit(e.Function, rt.serve(task))
}

func exit(f contract.Function, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", f.Name, err)
	os.Exit(1)
}

// Task is a function that no route calls: an event in, an answer out.
type Task func(ctx context.Context, event []byte) ([]byte, error)

// Handler is the task of a route: it takes an event through the handler.
func Handler(h http.Handler) Task {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var e event
		if err := json.Unmarshal(payload, &e); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotEvent, err)
		}
		r, err := e.request(ctx)
		if err != nil {
			return nil, err
		}
		w := &response{header: make(http.Header, 16)}
		h.ServeHTTP(w, r)
		return w.marshal(r.Method)
	}
}
