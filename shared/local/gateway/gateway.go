// Package gateway is a small HTTP API of Amazon API Gateway.
//
// An HTTP API turns each request into a JSON event in payload format 2.0. It
// invokes the function of the route that matches, and turns the JSON answer of
// the function into a response.
//
// The event differs from what net/http gives to a handler. A form arrives in
// base64. Cookies are not among the headers. The path is decoded, sometimes twice.
// Code that was tried only with net/http would meet these differences first in
// production. This package has the same differences. Where AWS does something
// only sometimes, this package always does it.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// maxBody, maxHeader and patience are the quotas of HTTP APIs: a body of
	// 10 MB, a request line and header values of 10,240 bytes, 30 s.
	maxBody   = 10 << 20
	maxHeader = 10240
	patience  = 30 * time.Second
	// defaultKey is the route of all requests that no other route matches.
	defaultKey = "$default"
	anyMethod  = "ANY"
)

// Route leads requests to a function.
type Route struct {
	// Key is "METHOD /path", "ANY /path" or "$default". A segment such as "{id}"
	// matches any segment that is not empty; the rest of the path is exact.
	Key string
	// Invoke invokes the function. [context.DeadlineExceeded] means a timeout,
	// any other error a failure of the function.
	Invoke func(ctx context.Context, event []byte) ([]byte, error)
}

// Config describes an API.
type Config struct {
	AccountID string
	APIID     string
	Routes    []Route
	// Now is the time in the events; nil means [time.Now]. A function takes its
	// time from the event, so a test moves the clock of a function here.
	Now func() time.Time
	// Failed is called for each failure of a function. It may be nil.
	Failed func(routeKey string, err error)
}

// Gateway serves an API.
type Gateway struct {
	config   Config
	routes   map[string]Route // by key
	patterns []pattern        // routes with parameters, the most specific first
}

// New returns a gateway. An error names the route that cannot be served.
func New(c Config) (*Gateway, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Failed == nil {
		c.Failed = func(string, error) {}
	}
	g := &Gateway{config: c, routes: make(map[string]Route, len(c.Routes))}
	for _, r := range c.Routes {
		if err := check(r.Key); err != nil {
			return nil, err
		}
		if _, twice := g.routes[r.Key]; twice {
			return nil, fmt.Errorf("route %q is declared twice", r.Key)
		}
		g.routes[r.Key] = r
	}
	var err error
	g.patterns, err = patterns(c.Routes)
	return g, err
}

func check(key string) error {
	if key == defaultKey {
		return nil
	}
	method, path, ok := strings.Cut(key, " ")
	if !ok || method == "" || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("route %q is neither %q nor a method and a path", key, defaultKey)
	}
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := parameter(segment); strings.ContainsAny(segment, "{}") && (!ok || strings.HasSuffix(name, "+")) {
			return fmt.Errorf("route %q has the segment %q: only a whole segment can be a path parameter here", key, segment)
		}
	}
	return nil
}

// ServeHTTP turns a request into an event and the answer of the function into a
// response.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, found := g.route(r)
	if !found {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	if headerSize(r) > maxHeader {
		refuse(w, http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "Bad Request")
		return
	}
	id := requestID()
	event := g.event(r, route.Key, id, body)
	// A client that closes the connection does not stop the function. On AWS it
	// does not either.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	payload, err := route.Invoke(ctx, event)
	w.Header()["Apigw-Requestid"] = []string{id}
	if err != nil {
		g.config.Failed(route.Key, err)
		if errors.Is(err, context.DeadlineExceeded) {
			refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
			return
		}
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if err := respond(w, payload); err != nil {
		g.config.Failed(route.Key, err)
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
	}
}

// route finds the most specific route. An exact path comes before a path with
// parameters, and a method before ANY. The path is decoded once.
func (g *Gateway) route(r *http.Request) (Route, bool) {
	for _, key := range [...]string{r.Method + " " + r.URL.Path, anyMethod + " " + r.URL.Path} {
		// A request for the path /{id} itself matches only as a pattern.
		if route, ok := g.routes[key]; ok && !strings.ContainsAny(key, "{}") {
			return route, true
		}
	}
	for _, p := range g.patterns {
		if _, ok := p.match(r.Method, r.URL.Path); ok {
			return p.route, true
		}
	}
	route, ok := g.routes[defaultKey]
	return route, ok
}

// headerSize returns the size that the quota limits: that of the request line and
// of the header values.
func headerSize(r *http.Request) int {
	size := len(r.Method) + 1 + len(r.RequestURI) + 1 + len(r.Proto) + len(r.Host)
	for _, values := range r.Header {
		for _, v := range values {
			size += len(v)
		}
	}
	return size
}

// refuse writes an error response of the gateway itself.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"`+message+`"}`)
}
