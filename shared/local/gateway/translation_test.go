package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// seen is an event as a function parses it. It repeats the field names on purpose,
// so that the test finds a wrong one.
type seen struct {
	Version               string
	RouteKey              string
	RawPath               string
	RawQueryString        *string
	Cookies               []string
	Headers               map[string]string
	QueryStringParameters map[string]string
	PathParameters        map[string]string
	RequestContext        struct {
		AccountID, APIID, DomainName, DomainPrefix string
		RequestID, RouteKey, Stage, Time           string
		TimeEpoch                                  int64
		HTTP                                       struct{ Method, Path, Protocol, SourceIP, UserAgent string }
	}
	Body            *string
	IsBase64Encoded *bool
}

func parse(tb testing.TB, event []byte) seen {
	tb.Helper()
	var s seen
	if err := json.Unmarshal(event, &s); err != nil {
		tb.Fatalf("event %q: %v", event, err)
	}
	return s
}

// translate sends a raw request through a gateway with a $default route and
// returns the event.
func translate(tb testing.TB, raw string) seen {
	tb.Helper()
	c := &capture{answer: `{"statusCode":200}`}
	r, body := send(tb, serve(tb, c, "$default"), raw)
	if r.StatusCode != http.StatusOK {
		tb.Fatalf("answer to %q = %d %s", raw, r.StatusCode, body)
	}
	return parse(tb, c.event)
}

func request(line string, headers []string, body string) string {
	return line + " HTTP/1.1\r\nHost: localhost:8080\r\n" + strings.Join(append(headers, "", ""), "\r\n") + body
}

func TestOnlyTextBodiesArePlain(t *testing.T) {
	tests := []struct {
		contentType string
		plain       bool
	}{
		{"text/plain", true},
		{"text/html; charset=utf-8", true},
		{"TEXT/CSV", true},
		{"application/json", true},
		{"Application/JSON;charset=UTF-8", true},
		{"application/json; broken", true},
		{"application/xml", true},
		{"application/javascript", true},
		{"application/x-www-form-urlencoded", false},
		{"application/x-www-form-urlencoded; charset=utf-8", false},
		{"multipart/form-data; boundary=x", false},
		{"application/octet-stream", false},
		{"application/json5", false},
		{"application/jwt", false},
		{"application/problem+json", false},
		{"image/png", false},
		{"", false},
	}
	const body = "a=b&c=ü"
	for _, tt := range tests {
		t.Run(tt.contentType, func(t *testing.T) {
			headers := []string{"Content-Length: 8"}
			if tt.contentType != "" {
				headers = append(headers, "Content-Type: "+tt.contentType)
			}
			e := translate(t, request("POST /token", headers, body))
			want := base64.StdEncoding.EncodeToString([]byte(body))
			if tt.plain {
				want = body
			}
			if e.Body == nil || *e.Body != want || *e.IsBase64Encoded == tt.plain {
				t.Errorf("body = %q, base64 %v, want %q, %v", deref(e.Body), *e.IsBase64Encoded, want, !tt.plain)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		e := translate(t, get("/"))
		if e.Body != nil || e.IsBase64Encoded == nil || *e.IsBase64Encoded {
			t.Errorf("body = %q, base64 %v, want no member and false", deref(e.Body), e.IsBase64Encoded)
		}
	})
}

func deref(s *string) string {
	if s == nil {
		return "<none>"
	}
	return *s
}

func TestPathIsDecodedAndQueryIsNot(t *testing.T) {
	tests := []struct {
		name, target    string
		rawPath, rawQry string
		parameters      map[string]string
	}{
		{"plain", "/token", "/token", "", nil},
		{"decoded", "/a%20b%2Fc", "/a b/c", "", nil},
		{"decoded twice", "/a%252Fb", "/a/b", "", nil},
		{"decoded once when twice is impossible", "/a%25zz", "/a%zz", "", nil},
		{"cut at a decoded question mark", "/a%3Fb=c/d", "/a", "", nil},
		{"cut at a twice decoded one", "/a%253Fb", "/a", "", nil},
		{"query stays encoded", "/a?b=%20c&d=%2B+e", "/a", "b=%20c&d=%2B+e", map[string]string{"b": " c", "d": "+ e"}},
		{"duplicates joined", "/a?b=1&c=2&b=3", "/a", "b=1&c=2&b=3", map[string]string{"b": "1,3", "c": "2"}},
		{"no value", "/a?b", "/a", "b", map[string]string{"b": ""}},
		{"not even decodable", "/a?b=%zz&c=d", "/a", "b=%zz&c=d", map[string]string{"c": "d"}},
		{"second question mark", "/a?b=c?d", "/a", "b=c?d", map[string]string{"b": "c?d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := translate(t, get(tt.target))
			if e.RawPath != tt.rawPath || e.RequestContext.HTTP.Path != tt.rawPath {
				t.Errorf("rawPath, http.path = %q, %q, want %q", e.RawPath, e.RequestContext.HTTP.Path, tt.rawPath)
			}
			if e.RawQueryString == nil || *e.RawQueryString != tt.rawQry {
				t.Errorf("rawQueryString = %q, want %q", deref(e.RawQueryString), tt.rawQry)
			}
			if !maps.Equal(e.QueryStringParameters, tt.parameters) {
				t.Errorf("queryStringParameters = %q, want %q", e.QueryStringParameters, tt.parameters)
			}
		})
	}
}

// A path parameter is decoded like the path, so a handler must not trust it.
func TestPathParametersAreDecodedSegments(t *testing.T) {
	for target, want := range map[string]map[string]string{
		"/sessions/7":          {"id": "7"},
		"/sessions/a%20b":      {"id": "a b"},
		"/sessions/a%2520b":    {"id": "a%20b"},
		"/sessions/%2E%2E":     {"id": ".."},
		"/clients/x/secrets/y": {"client": "x", "secret": "y"},
		"/sessions":            nil,
	} {
		c := &capture{answer: `{"statusCode":200}`}
		r, _ := send(t, serve(t, c, "ANY /sessions", "ANY /sessions/{id}", "ANY /clients/{client}/secrets/{secret}"), get(target))
		if r.StatusCode != http.StatusOK {
			t.Fatalf("GET %s = %d", target, r.StatusCode)
		}
		if got := parse(t, c.event).PathParameters; !maps.Equal(got, want) {
			t.Errorf("GET %s: pathParameters = %q, want %q", target, got, want)
		}
	}
}

func TestHeadersAreJoinedAndCookiesTakenOut(t *testing.T) {
	e := translate(t, request("POST /token", []string{
		"AUTHORIZATION: Basic eDp5", "X-Two: a", "x-two: b, c", "Cookie: s=1; t=\"2\"", "Cookie: u=3",
		"X-Forwarded-For: 203.0.113.9", "Content-Length: 2", "Connection: keep-alive", "DPoP: p",
	}, "{}"))
	if want := []string{"s=1", `t="2"`, "u=3"}; !slices.Equal(e.Cookies, want) {
		t.Errorf("cookies = %q, want %q", e.Cookies, want)
	}
	want := map[string]string{
		"authorization": "Basic eDp5", "x-two": "a,b, c", "dpop": "p", "content-length": "2",
		"host": "localhost:8080", "x-forwarded-for": "203.0.113.9, 127.0.0.1",
		"x-forwarded-port": "8080", "x-forwarded-proto": "http",
	}
	trace := e.Headers["x-amzn-trace-id"]
	delete(e.Headers, "x-amzn-trace-id")
	if !maps.Equal(e.Headers, want) {
		t.Errorf("headers = %q, want %q", e.Headers, want)
	}
	if !regexp.MustCompile(`^Root=1-69ae6[0-9a-f]{3}-[0-9a-f]{24}$`).MatchString(trace) {
		t.Errorf("x-amzn-trace-id = %q, want Root=1-<time>-<random>", trace)
	}
	own := translate(t, request("GET /", []string{"X-Amzn-Trace-Id: Root=1-2-3"}, ""))
	if got := own.Headers["x-amzn-trace-id"]; got != "Root=1-2-3" {
		t.Errorf("the caller's trace became %q", got)
	}
	if own.Cookies != nil {
		t.Errorf("cookies without a cookie = %q", own.Cookies)
	}
	plain := translate(t, "GET / HTTP/1.0\r\nHost: tipstaff.test\r\n\r\n")
	if got := plain.Headers["x-forwarded-port"]; got != "80" || plain.RequestContext.DomainName != "tipstaff.test" {
		t.Errorf("port, domain = %q, %q, want 80, tipstaff.test", got, plain.RequestContext.DomainName)
	}
}

func TestRequestContextIsThatOfAnHTTPAPI(t *testing.T) {
	first := translate(t, request("GET /health", []string{"User-Agent: test/1"}, ""))
	c := first.RequestContext
	got := []string{
		first.Version, c.AccountID, c.APIID, c.DomainName, c.DomainPrefix, c.RouteKey, first.RouteKey, c.Stage, c.Time,
		c.HTTP.Method, c.HTTP.Path, c.HTTP.Protocol, c.HTTP.SourceIP, c.HTTP.UserAgent,
	}
	want := []string{
		"2.0", "123456789012", "abc123", "localhost", "localhost", "$default", "$default", "$default", "09/Mar/2026:06:07:06 +0000",
		"GET", "/health", "HTTP/1.1", "127.0.0.1", "test/1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("context = %q, want %q", got, want)
	}
	if c.TimeEpoch != clock.UnixMilli() {
		t.Errorf("timeEpoch = %d, want the clock in milliseconds, %d", c.TimeEpoch, clock.UnixMilli())
	}
	second := translate(t, get("/health")).RequestContext
	if len(c.RequestID) != 16 || c.RequestID == second.RequestID {
		t.Errorf("request ids = %q, %q, want two of 16 characters", c.RequestID, second.RequestID)
	}
}

func TestAnswerBecomesTheResponseOfAnHTTPAPI(t *testing.T) {
	tests := []struct {
		name, answer string
		status       int
		header       http.Header // without Date, Content-Length, Apigw-Requestid
		body         string
	}{
		{
			"whole", `{"statusCode":201,"headers":{"content-type":"application/json","x-a":"b","n":5,"t":true},"cookies":["a=1; Path=/","b=2"],"body":"{}"}`,
			201,
			http.Header{"Content-Type": {"application/json"}, "X-A": {"b"}, "N": {"5"}, "T": {"true"}, "Set-Cookie": {"a=1; Path=/", "b=2"}},
			"{}",
		},
		{"base64", `{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"AAH/","isBase64Encoded":true}`, 200, http.Header{"Content-Type": {"image/png"}}, "\x00\x01\xff"},
		{"not flagged", `{"statusCode":200,"body":"AAH/"}`, 200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, "AAH/"},
		{"no body", `{"statusCode":404}`, 404, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, ""},
		{"status as text", `{"statusCode":"202"}`, 202, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, ""},
		{"multi-value headers do not exist here", `{"statusCode":200,"multiValueHeaders":{"a":["b"]}}`, 200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, ""},
		{"length and connection are ours", `{"statusCode":200,"headers":{"content-length":"99","connection":"close"},"body":"x"}`, 200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, "x"},
		{"CORS headers pass", `{"statusCode":204,"headers":{"access-control-allow-origin":"*"}}`, 204, http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Access-Control-Allow-Origin": {"*"}}, ""},
		{"object without status", `{"hello": "world"}`, 200, http.Header{"Content-Type": {"application/json"}}, `{"hello": "world"}`},
		{"object with a body but no status", `{"body": "x"}`, 200, http.Header{"Content-Type": {"application/json"}}, `{"body": "x"}`},
		{"text without status", `"hello"`, 200, http.Header{"Content-Type": {"application/json"}}, `hello`},
		{"list", `[1, 2]`, 200, http.Header{"Content-Type": {"application/json"}}, `[1, 2]`},
		{"not JSON", `hello {`, 200, http.Header{"Content-Type": {"application/json"}}, `hello {`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, body := send(t, serve(t, &capture{answer: tt.answer}, "$default"), get("/"))
			if r.StatusCode != tt.status || body != tt.body {
				t.Errorf("answer = %d %q, want %d %q", r.StatusCode, body, tt.status, tt.body)
			}
			if got := r.Header.Get("Apigw-Requestid"); len(got) != 16 {
				t.Errorf("apigw-requestid = %q, want 16 characters", got)
			}
			for _, name := range []string{"Date", "Content-Length", "Apigw-Requestid"} {
				r.Header.Del(name)
			}
			if !maps.EqualFunc(r.Header, tt.header, slices.Equal) {
				t.Errorf("headers = %q, want %q", r.Header, tt.header)
			}
		})
	}
}
