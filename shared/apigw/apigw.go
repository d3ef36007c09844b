// Package apigw runs a function on AWS Lambda: it translates the events of an
// HTTP API (payload format 2.0) to net/http and back, so that the handlers
// know neither Lambda nor the gateway. It is the only importer of
// aws-lambda-go.
package apigw

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

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
	lambda.Start(Handler(handler))
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
	lambda.Start(task)
}

func exit(f contract.Function, err error) {
	fmt.Fprintf(os.Stderr, "start %s: %v\n", f.Name, err)
	os.Exit(1)
}

// Task is a function that no route calls: an event in, an answer out.
type Task func(ctx context.Context, event []byte) ([]byte, error)

// Invoke makes a Task a lambda.Handler.
func (t Task) Invoke(ctx context.Context, event []byte) ([]byte, error) { return t(ctx, event) }

// Handler is what Lambda invokes for a route.
func Handler(h http.Handler) lambda.Handler { return &adapter{handler: h} }

type adapter struct{ handler http.Handler }

// Invoke takes one event through the handler.
func (a *adapter) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotEvent, err)
	}
	r, err := e.request(ctx)
	if err != nil {
		return nil, err
	}
	w := &response{header: make(http.Header, 16)}
	a.handler.ServeHTTP(w, r)
	return w.marshal(r.Method)
}
