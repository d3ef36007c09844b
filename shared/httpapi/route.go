// Package httpapi takes a request through the steps that every route shares. The
// routes themselves are the packages in shared/route, one folder each.
//
// # Route and Handler
//
// A [Route] wraps a [Handler] with everything that a route must not be able to forget:
// a deadline ahead of Lambda's, CORS, the method check, the limits on a body, one log
// line with its metrics, and our own answer to every error and every panic. A Handler
// only decides the answer. It returns an error to refuse the request, and this package
// alone turns errors into responses.
//
// # Time
//
// The time of a request is in its context: see [Now]. No variable of the process holds
// it, so that a handler may serve requests at the same time.
//
// # Dependencies
//
// The package knows no store and links no AWS SDK, so that a route without
// dependencies stays small.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Handler answers the requests of one route. A returned error refuses the request: an
// [*oauth.Error] with its code, any other error as a fault without detail. A handler
// that returns an error has written nothing.
type Handler interface {
	Serve(w http.ResponseWriter, r *http.Request) error
}

// Route is a function of the contract with the handler behind it.
type Route struct {
	Function contract.Function
	Stage    string
	// Issuer is the origin of this server; the log needs no other URL.
	Issuer  string
	Handler Handler
	// Problems answers errors as RFC 9457 problem documents, for the routes
	// that no OAuth client calls.
	Problems bool
	// Origins knows the origins that may read the answers, for a function with
	// [contract.NamedOrigins].
	Origins Origins
	Log     *Log
	// Calls returns how many calls to AWS this process has made; nil for
	// routes that make none.
	Calls func() int64
}

// ServeHTTP takes the request through the shared steps.
func (rt *Route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	before := rt.calls()
	entry := &LogEntry{
		Stage: rt.Stage, Route: rt.Function.Name, Method: r.Method,
		RequestID: RequestID(r.Context()), TraceID: TraceID(r.Context()),
	}
	out := &recorder{ResponseWriter: w, status: http.StatusOK}

	ctx, cancel := context.WithTimeout(r.Context(), rt.Function.Timeout-contract.Grace)
	defer cancel()
	r = r.WithContext(context.WithValue(ctx, entryKey{}, entry))

	setHeaders(out.Header(), entry.RequestID)
	if err := rt.serve(out, r); err != nil {
		rt.refuse(out, r, err)
	}

	entry.Status = out.status
	entry.Milliseconds = float64(time.Since(start).Microseconds()) / 1000
	entry.Calls = rt.calls() - before
	rt.Log.request(entry, Now(r.Context()))
}

func (rt *Route) calls() int64 {
	if rt.Calls == nil {
		return 0
	}
	return rt.Calls()
}

// serve runs the steps that may refuse, and then the handler.
func (rt *Route) serve(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	if preflight, err := rt.cors(w, r); preflight || err != nil {
		return err
	}
	if !rt.allows(r.Method) {
		w.Header().Set("Allow", strings.Join(rt.methods(), ", "))
		return &methodError{Method: r.Method}
	}
	if r.Method == http.MethodPost && !rt.Function.Nested {
		if err := parseBody(r, rt.Function.JSON); err != nil {
			return err
		}
	}
	return rt.Handler.Serve(w, r)
}

func (rt *Route) allows(method string) bool {
	return slices.Contains(rt.methods(), method)
}

// methods adds HEAD to GET and OPTIONS to routes with CORS.
func (rt *Route) methods() []string {
	methods := slices.Clone(rt.Function.Methods)
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	if rt.Function.CORS != contract.SameOrigin {
		methods = append(methods, http.MethodOptions)
	}
	return methods
}

// A panicError is a panic of a handler, kept for the log.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// A methodError refuses a method that the route does not answer.
type methodError struct{ Method string }

func (e *methodError) Error() string { return "method is not allowed" }

// setHeaders sets the headers that every answer carries. Answers are not stored unless
// a handler sets another Cache-Control.
func setHeaders(h http.Header, requestID string) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	h.Set("Referrer-Policy", "no-referrer")
	if requestID != "" {
		h.Set("X-Request-Id", requestID)
	}
}

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// refuse answers with the refusal of err, see refusalOf.
func (rt *Route) refuse(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(err)
	entry := entryOf(r.Context())
	entry.Code = string(refusal.Code)
	entry.Error = err.Error()
	if Limited(err) {
		entry.Throttled = 1
	}
	refusal.headers(w.Header(), r, rt)
	if special, ok := errors.AsType[headerError](err); ok {
		special.SetHeaders(w.Header())
	}
	if page, ok := rt.Handler.(Page); ok && page.Refuse(w, r, refusal) {
		return
	}
	if rt.Problems {
		Answer(w, refusal.Status, problem{
			Type: documentation(refusal.Code), Title: http.StatusText(refusal.Status),
			Status: refusal.Status, Detail: refusal.Detail, Code: refusal.Code,
		})
		return
	}
	Answer(w, refusal.Status, oauth.ErrorResponse{
		Error: refusal.Code, Description: refusal.Detail, URI: documentation(refusal.Code),
	})
}
