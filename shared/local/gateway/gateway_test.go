package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/gateway"
)

// clock is the time of every test gateway.
var clock = time.Date(2026, 3, 9, 8, 7, 6, 543_000_000, time.FixedZone("east", 2*3600))

// capture is a function that keeps its last event and returns its answer and err.
type capture struct {
	event  []byte
	answer string
	err    error
}

func (c *capture) invoke(_ context.Context, event []byte) ([]byte, error) {
	c.event = event
	return []byte(c.answer), c.err
}

// serve runs a gateway in which every route leads to c.
func serve(tb testing.TB, c *capture, keys ...string) *httptest.Server {
	tb.Helper()
	config := gateway.Config{
		AccountID: "123456789012", APIID: "abc123", Now: func() time.Time { return clock },
		Failed: func(string, error) {},
	}
	for _, key := range keys {
		config.Routes = append(config.Routes, gateway.Route{Key: key, Invoke: c.invoke})
	}
	g, err := gateway.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(g)
	tb.Cleanup(server.Close)
	return server
}

// send sends raw bytes and returns the response with its body.
func send(tb testing.TB, server *httptest.Server, raw string) (*http.Response, string) {
	tb.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, raw) }() // The server may answer before it has read all.
	method, _, _ := strings.Cut(raw, " ")
	r, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		tb.Fatalf("read the response: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Fatalf("read the body: %v", err)
	}
	_ = r.Body.Close()
	return r, string(body)
}

// get is a request with the headers that every request has.
func get(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n" }

func TestMostSpecificRouteMatches(t *testing.T) {
	tests := []struct {
		name, raw string
		keys      []string
		routeKey  string // empty: 404
	}{
		{"any method", get("/token"), []string{"ANY /token"}, "ANY /token"},
		{"method before any", get("/token"), []string{"ANY /token", "GET /token", "$default"}, "GET /token"},
		{"any before default", get("/token"), []string{"$default", "POST /token", "ANY /token"}, "ANY /token"},
		{"default", get("/other"), []string{"$default", "ANY /token"}, "$default"},
		{"other method", get("/token"), []string{"POST /token"}, ""},
		{"other path", get("/tokens"), []string{"ANY /token"}, ""},
		{"trailing slash", get("/token/"), []string{"ANY /token"}, ""},
		{"case", get("/Token"), []string{"ANY /token"}, ""},
		{"double slash", get("//token"), []string{"ANY /token"}, ""},
		{"dots", get("/a/../token"), []string{"ANY /token"}, ""},
		{"encoded letter", get("/t%6Fken"), []string{"ANY /token"}, "ANY /token"},
		{"twice encoded letter", get("/t%256Fken"), []string{"ANY /token"}, ""},
		{"encoded question mark", get("/token%3Fa"), []string{"ANY /token"}, ""},
		{"query", get("/token?a=b"), []string{"ANY /token"}, "ANY /token"},
		{"parameter", get("/sessions/7"), []string{"ANY /sessions/{id}"}, "ANY /sessions/{id}"},
		{"parameter with its method", get("/sessions/7"), []string{"ANY /sessions/{id}", "GET /sessions/{id}"}, "GET /sessions/{id}"},
		{"parameter of another method", get("/sessions/7"), []string{"DELETE /sessions/{id}"}, ""},
		{"exact before parameter", get("/sessions/all"), []string{"GET /sessions/{id}", "ANY /sessions/all"}, "ANY /sessions/all"},
		{"parameter before default", get("/sessions/7"), []string{"$default", "ANY /sessions/{id}"}, "ANY /sessions/{id}"},
		{"longer beginning first", get("/a/b/c"), []string{"ANY /{x}/b/c", "ANY /a/{y}/c"}, "ANY /a/{y}/c"},
		{"parameter is one segment", get("/sessions/7/8"), []string{"ANY /sessions/{id}"}, ""},
		{"encoded slash is no segment of its own", get("/sessions/7%2F8"), []string{"ANY /sessions/{id}"}, ""},
		{"parameter is not empty", get("/sessions/"), []string{"ANY /sessions/{id}"}, ""},
		{"parameter is there", get("/sessions"), []string{"ANY /sessions/{id}"}, ""},
		{"the pattern itself", get("/sessions/%7Bid%7D"), []string{"ANY /sessions/{id}"}, "ANY /sessions/{id}"},
		{"the pattern itself in another path", get("/other/%7Bid%7D"), []string{"ANY /sessions/{id}"}, ""},
		{"dot in a route", get("/.well-known/x"), []string{"ANY /.well-known/x"}, "ANY /.well-known/x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &capture{answer: `{"statusCode":204}`}
			r, body := send(t, serve(t, c, tt.keys...), tt.raw)
			if tt.routeKey == "" {
				if r.StatusCode != http.StatusNotFound || body != `{"message":"Not Found"}` || c.event != nil {
					t.Errorf("answer = %d %s, event %s; want 404 Not Found and no event", r.StatusCode, body, c.event)
				}
				if got := r.Header.Get("Content-Type"); got != "application/json" {
					t.Errorf("content type of the 404 = %q", got)
				}
				return
			}
			if got := parse(t, c.event).RouteKey; got != tt.routeKey || r.StatusCode != http.StatusNoContent {
				t.Errorf("answer %d by route %q, want 204 by %q", r.StatusCode, got, tt.routeKey)
			}
		})
	}
}

func TestUnknownRouteKeyIsRefused(t *testing.T) {
	tests := []struct {
		keys []string
		want string
	}{
		{[]string{"ANY /{proxy+}"}, "path parameter"},
		{[]string{"GET /a/x{id}"}, "path parameter"},
		{[]string{"GET /a/{}"}, "path parameter"},
		{[]string{"GET /a/{id"}, "path parameter"},
		{[]string{"GET /a/{id}", "GET /a/{name}"}, "the same"},
		{[]string{"/a"}, "neither"},
		{[]string{"GET a"}, "neither"},
		{[]string{"$connect"}, "neither"},
		{[]string{"GET /a", "GET /a"}, "twice"},
	}
	for _, tt := range tests {
		var config gateway.Config
		for _, key := range tt.keys {
			config.Routes = append(config.Routes, gateway.Route{Key: key})
		}
		_, err := gateway.New(config)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.keys[0]) {
			t.Errorf("New(%q) = %v, want an error with %q that names the route", tt.keys, err, tt.want)
		}
	}
}

func TestFailureOfAFunctionIsAServerError(t *testing.T) {
	tests := []struct {
		name   string
		answer string
		err    error
		status int
		body   string
	}{
		{"function error", "", errors.New("crashed"), 500, `{"message":"Internal Server Error"}`},
		{"timeout", "", fmt.Errorf("late: %w", context.DeadlineExceeded), 503, `{"message":"Service Unavailable"}`},
		{"status is a word", `{"statusCode":"ok"}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"status too small", `{"statusCode":99}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"status informational", `{"statusCode":101}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"status too large", `{"statusCode":1000}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"body is a number", `{"statusCode":200,"body":1}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"body is not base64", `{"statusCode":200,"body":"?","isBase64Encoded":true}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"header is a list", `{"statusCode":200,"headers":{"a":["b"]}}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"header splits", `{"statusCode":200,"headers":{"a":"b\r\nSet-Cookie: c"}}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"header name splits", `{"statusCode":200,"headers":{"a: b\r\nc":"d"}}`, nil, 500, `{"message":"Internal Server Error"}`},
		{"cookie splits", `{"statusCode":200,"cookies":["a=b\nX: y"]}`, nil, 500, `{"message":"Internal Server Error"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var failed error
			g, err := gateway.New(gateway.Config{
				Routes: []gateway.Route{{Key: "ANY /", Invoke: (&capture{answer: tt.answer, err: tt.err}).invoke}},
				Failed: func(_ string, err error) { failed = err },
			})
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
			if w.Code != tt.status || w.Body.String() != tt.body || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("answer = %d %s %v, want %d %s", w.Code, w.Body, w.Header(), tt.status, tt.body)
			}
			if failed == nil || tt.err != nil && !errors.Is(failed, tt.err) {
				t.Errorf("Failed was told %v, want the reason", failed)
			}
		})
	}
}

func TestQuotasOfHTTPAPIsHold(t *testing.T) {
	post := func(length int, body string) string {
		return fmt.Sprintf("POST /token HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", length, body)
	}
	const mb10 = 10 << 20
	tests := []struct {
		name, raw string
		status    int
	}{
		{"body of 10 MB", post(mb10, strings.Repeat("x", mb10)), 200},
		{"body of 10 MB and a byte", post(mb10+1, strings.Repeat("x", mb10+1)), 413},
		{"header of 10,000 bytes", "GET /token HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("x", 10000) + "\r\n\r\n", 200},
		{"header of 10,240 bytes", "GET /token HTTP/1.1\r\nHost: h\r\nA: " + strings.Repeat("x", 10240) + "\r\n\r\n", 431},
		{"query of 10,240 bytes", get("/token?" + strings.Repeat("x", 10240)), 431},
		{"body cut short", "POST /token HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &capture{answer: `{"statusCode":200}`}
			r, body := send(t, serve(t, c, "ANY /token"), tt.raw)
			if r.StatusCode != tt.status || tt.status != 200 && !strings.HasPrefix(body, `{"message":"`) {
				t.Errorf("answer = %d %s, want %d", r.StatusCode, body, tt.status)
			}
			if called := c.event != nil; called != (tt.status == 200) {
				t.Errorf("the function was called: %v", called)
			}
		})
	}
}

// On AWS the function does not notice it either.
func TestFunctionRunsOnWhenTheClientHangsUp(t *testing.T) {
	cancelled := make(chan error, 1)
	g, err := gateway.New(gateway.Config{Routes: []gateway.Route{{
		Key: "$default", Invoke: func(ctx context.Context, _ []byte) ([]byte, error) {
			cancelled <- ctx.Err()
			return []byte(`{"statusCode":200}`), nil
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody))
	if err := <-cancelled; err != nil {
		t.Errorf("the function's context says %v, want no end", err)
	}
}
