// Package apigw runs a function on AWS Lambda: aws-lambda-go takes events from
// the Runtime API, and this package translates those of an HTTP API (payload
// format 2.0) to net/http and back, so that the handlers know neither Lambda nor
// the gateway.
package apigw

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/aws/aws-lambda-go/events"
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
	run(Handler(handler))
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
	run(task)
}

// run works on events until the platform ends the process.
//
// Lambda announces its end with SIGTERM where an extension is registered, and an
// operator may add one to any function. There is nothing to tidy up: every change
// of state is one write. So the signal must only not cut off an event.
//
// The library reports an event that failed as a line of JSON, through package
// log, whose date in front would spoil it.
func run(task Task) {
	signal.Ignore(syscall.SIGTERM)
	log.SetFlags(0)
	runtimeAPI()
	lambda.Start(task)
}

// runtimeAPI fits net/http's default transport, a copy of which the library asks
// for events with, to the server that it asks: one on the same machine, that
// compresses nothing and answers over one connection for as long as the process
// lives.
func runtimeAPI() {
	t := http.DefaultTransport.(*http.Transport)
	t.DisableCompression = true
	t.IdleConnTimeout = 0
}

func exit(f contract.Function, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", f.Name, err)
	os.Exit(1)
}

// Task is a function that no route calls: an event in, an answer out.
type Task func(ctx context.Context, event []byte) ([]byte, error)

// Invoke calls t. It makes a Task a [lambda.Handler].
func (t Task) Invoke(ctx context.Context, event []byte) ([]byte, error) { return t(ctx, event) }

// Handler is the task of a route: it takes an event through the handler.
func Handler(h http.Handler) Task {
	return func(ctx context.Context, payload []byte) ([]byte, error) {
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(payload, &e); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotEvent, err)
		}
		r, err := request(ctx, &e)
		if err != nil {
			return nil, err
		}
		w := &response{header: make(http.Header, 16)}
		h.ServeHTTP(w, r)
		return w.marshal(r.Method)
	}
}
