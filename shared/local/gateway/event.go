package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// event is a request in payload format 2.0.
type event struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	Parameters      map[string]string `json:"pathParameters,omitempty"`
	Context         requestContext    `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         contextHTTP `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"`
}

type contextHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// timeFormat is the format of requestContext.time. The time is in UTC.
const timeFormat = "02/Jan/2006:15:04:05 +0000"

func (g *Gateway) event(r *http.Request, routeKey, id string, body []byte) []byte {
	now := g.config.Now().UTC()
	domain, port := hostPort(r)
	prefix, _, _ := strings.Cut(domain, ".")
	source := sourceIP(r)
	path := rawPath(r.URL.Path)
	e := event{
		Version:        "2.0",
		RouteKey:       routeKey,
		RawPath:        path,
		RawQueryString: r.URL.RawQuery,
		Cookies:        cookies(r.Header),
		Headers:        headers(r, len(body), source, port, now),
		Query:          query(r.URL.RawQuery),
		Context: requestContext{
			AccountID:    g.config.AccountID,
			APIID:        g.config.APIID,
			DomainName:   domain,
			DomainPrefix: prefix,
			HTTP: contextHTTP{
				Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
			RequestID: id,
			RouteKey:  routeKey,
			Stage:     defaultKey,
			Time:      now.Format(timeFormat),
			TimeEpoch: now.UnixMilli(),
		},
	}
	for _, p := range g.patterns {
		if p.route.Key == routeKey {
			e.Parameters, _ = p.match(r.Method, r.URL.Path)
		}
	}
	if len(body) > 0 {
		e.Body, e.IsBase64Encoded = encode(r.Header.Get("Content-Type"), body)
	}
	// A struct of strings can always be marshaled.
	payload, _ := json.Marshal(e)
	return payload
}

// encode returns the body as plain text for a text type, and in base64 for every
// other type, also for an HTML form.
func encode(contentType string, body []byte) (text string, isBase64 bool) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil && kind == "" {
		kind, _, _ = strings.Cut(contentType, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	switch {
	case strings.HasPrefix(kind, "text/"),
		kind == "application/json", kind == "application/xml", kind == "application/javascript":
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

// rawPath is the path that a function receives. AWS decodes the path once, and
// sometimes twice. It cuts the path at a question mark that decoding produces. Here
// it is always decoded twice and cut.
func rawPath(decoded string) string {
	if again, err := url.PathUnescape(decoded); err == nil {
		decoded = again
	}
	path, _, _ := strings.Cut(decoded, "?")
	return path
}

// query joins the values of a repeated parameter with commas. A function cannot
// take them apart again, so it must parse rawQueryString instead.
func query(raw string) map[string]string {
	values, _ := url.ParseQuery(raw) // What does not parse is left out.
	joined := make(map[string]string, len(values))
	for name, list := range values {
		joined[name] = strings.Join(list, ",")
	}
	return joined
}

func cookies(h http.Header) []string {
	var list []string
	for _, line := range h["Cookie"] {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				list = append(list, cookie)
			}
		}
	}
	return list
}

// private are the headers that a function does not receive. They belong to one
// connection (RFC 9110 §7.6.1), or stand in another field of the event.
var private = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Expect": true, "Cookie": true,
}

// headers returns the headers of the request and those that AWS adds. Names are in
// lower case, and the values of a repeated header are joined with commas.
func headers(r *http.Request, body int, source, port string, now time.Time) map[string]string {
	out := make(map[string]string, len(r.Header)+6)
	for name, values := range r.Header {
		if !private[name] {
			out[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	if body > 0 {
		out["content-length"] = strconv.Itoa(body)
	}
	out["host"] = r.Host
	if before := out["x-forwarded-for"]; before != "" {
		source = before + ", " + source
	}
	out["x-forwarded-for"] = source
	out["x-forwarded-port"] = port
	out["x-forwarded-proto"] = scheme(r)
	if out["x-amzn-trace-id"] == "" {
		var id [12]byte
		_, _ = rand.Read(id[:]) // Never fails.
		out["x-amzn-trace-id"] = fmt.Sprintf("Root=1-%08x-%x", now.Unix(), id)
	}
	return out
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// hostPort splits the Host header. Without a port it returns that of the scheme.
func hostPort(r *http.Request) (host, port string) {
	host, port, err := net.SplitHostPort(r.Host)
	if err == nil {
		return host, port
	}
	if r.TLS != nil {
		return r.Host, "443"
	}
	return r.Host, "80"
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// requestID returns a random id in the form of those of HTTP APIs.
func requestID() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // Never fails.
	return base64.URLEncoding.EncodeToString(b[:])
}
