package apigw

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tipstaff/tipstaff/shared/httpapi"
)

var errNotEvent = errors.New("the payload is no HTTP API event of format 2.0")

// request translates an event. The path is the route's own where the route has
// no parameters: the gateway's rawPath is decoded, sometimes twice, and decides
// nothing here. The query stays as the client sent it.
func request(ctx context.Context, e *events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	if e.RequestContext.HTTP.Method == "" {
		return nil, errNotEvent
	}
	body := io.Reader(strings.NewReader(e.Body))
	length := int64(len(e.Body))
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return nil, fmt.Errorf("decode the body of the event: %w", err)
		}
		body, length = bytes.NewReader(decoded), int64(len(decoded))
	}
	header := make(http.Header, len(e.Headers)+1)
	values := make([]string, 0, len(e.Headers)) // of all headers, in one piece
	for name, value := range e.Headers {
		values = append(values, value)
		header[textproto.CanonicalMIMEHeaderKey(name)] = values[len(values)-1 : len(values) : len(values)]
	}
	if len(e.Cookies) > 0 {
		header.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	r := &http.Request{
		Method: e.RequestContext.HTTP.Method,
		URL:    &url.URL{Path: path(e), RawQuery: e.RawQueryString},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(body),
		ContentLength: length,
		Host:          e.RequestContext.DomainName,
		RemoteAddr:    e.RequestContext.HTTP.SourceIP,
	}
	if id := traceOf(ctx); id != "" {
		ctx = httpapi.WithTrace(ctx, id)
	}
	return r.WithContext(httpapi.WithArrival(ctx, e.RequestContext.TimeEpoch, e.RequestContext.RequestID)), nil
}

func path(e *events.APIGatewayV2HTTPRequest) string {
	_, path, ok := strings.Cut(e.RouteKey, " ")
	if !ok || strings.ContainsRune(path, '{') {
		return e.RawPath
	}
	return path
}

// response is an http.ResponseWriter into memory.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// marshal translates the response for the gateway: cookies one by one, other
// headers joined, a body that is not text in base64. HEAD has no body.
func (w *response) marshal(method string) ([]byte, error) {
	w.WriteHeader(http.StatusOK)
	a := events.APIGatewayV2HTTPResponse{StatusCode: w.status, Headers: make(map[string]string, len(w.header))}
	for name, values := range w.header {
		if name == "Set-Cookie" {
			a.Cookies = values
			continue
		}
		a.Headers[name] = strings.Join(values, ", ")
	}
	if method != http.MethodHead {
		a.Body = w.body.String()
	}
	if !utf8.ValidString(a.Body) {
		a.Body = base64.StdEncoding.EncodeToString(w.body.Bytes())
		a.IsBase64Encoded = true
	}
	return json.Marshal(a)
}
