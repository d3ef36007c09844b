// Package gateway is an HTTP API of Amazon API Gateway in miniature.
//
// An HTTP API turns each request into a JSON event (payload format 2.0), gives
// it to the function whose route matches, and turns the function's JSON answer
// back into a response. It does so with habits of its own: forms arrive as
// base64, cookies leave the headers, paths arrive decoded and sometimes decoded
// twice. Code that was only tried against plain net/http meets them in
// production. This package has the same habits, and where AWS does something
// only sometimes, it does it always.
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
	// maxBody, maxHeader and patience are the quotas of HTTP APIs: 10 MB of
	// body, 10,240 bytes of request line and header values, 30 s.
	maxBody   = 10 << 20
	maxHeader = 10240
	patience  = 30 * time.Second
	// defaultKey is the route of everything that no other route wants.
	defaultKey = "$default"
	anyMethod  = "ANY"
)

// Route leads requests to a function.
type Route struct {
	// Key is "METHOD /path", "ANY /path" or "$default". The path is exact, but
	// for segments such as "{id}", which stand for any one that is not empty.
	Key string
	// Invoke is the function. An error that is a
	// context.DeadlineExceeded is a timeout, any other a failure.
	Invoke func(ctx context.Context, event []byte) ([]byte, error)
}

// Config describes an API.
type Config struct {
	AccountID string
	APIID     string
	Routes    []Route
	// Now is the time that requests are told; nil means time.Now. A test
	// that moves it moves the clock of unchanged functions.
	Now func() time.Time
	// Failed is told of every failure of a function; nil means nobody is.
	Failed func(routeKey string, err error)
}

// Gateway serves an API.
type Gateway struct {
	config   Config
	routes   map[string]Route // by key
	patterns []pattern        // the routes with parameters, the most specific first
}

// New returns a gateway, or an error that names the route it cannot serve.
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
			return nil, fmt.Errorf("route %q is there twice", r.Key)
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
			return fmt.Errorf("route %q has the segment %q, and only plain path parameters run locally", key, segment)
		}
	}
	return nil
}

// ServeHTTP answers one request.
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
	// A caller that hangs up does not stop the function, here as on AWS.
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

// route finds the most specific route: an exact path before a path with
// parameters, the method before any. The path is decoded once for that.
func (g *Gateway) route(r *http.Request) (Route, bool) {
	for _, key := range [...]string{r.Method + " " + r.URL.Path, anyMethod + " " + r.URL.Path} {
		// A path that looks like a parameter is not one.
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

// headerSize is what the quota counts: the request line and header values.
func headerSize(r *http.Request) int {
	size := len(r.Method) + 1 + len(r.RequestURI) + 1 + len(r.Proto) + len(r.Host)
	for _, values := range r.Header {
		for _, v := range values {
			size += len(v)
		}
	}
	return size
}

// refuse answers with an error of the gateway's own.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"`+message+`"}`)
}
