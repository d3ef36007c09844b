package gateway_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/gateway"
)

// FuzzRequest sends any request. The function gets one well-formed event, and the
// body and the query in it are those of the request.
func FuzzRequest(f *testing.F) {
	f.Add("/a%2Fb", "c=d&c=%20", "X-Name", "value", "application/json", []byte(`{"a":1}`))
	f.Add("/%253F", "%zz", "Cookie", "a=b; c", "application/x-www-form-urlencoded", []byte("a=b"))
	f.Add("/", "", "x", "", "text/plain; charset", []byte{0xff, 0})
	f.Fuzz(func(t *testing.T, path, query, name, value, contentType string, body []byte) {
		target, err := url.Parse("http://host" + path)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.URL.Path, r.URL.RawQuery = target.Path, query
		r.Header.Set(name, value)
		r.Header.Set("Content-Type", contentType)
		c := &capture{answer: `{"statusCode":200}`}
		g, err := gateway.New(gateway.Config{Routes: []gateway.Route{{Key: "$default", Invoke: c.invoke}}})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			if w.Code != http.StatusRequestHeaderFieldsTooLarge && w.Code != http.StatusRequestEntityTooLarge {
				t.Fatalf("answer = %d %s", w.Code, w.Body)
			}
			return
		}
		e := parse(t, c.event)
		if want := asJSON(query); *e.RawQueryString != want {
			t.Errorf("rawQueryString = %q, want %q", *e.RawQueryString, want)
		}
		for header := range e.Headers {
			if header != strings.ToLower(header) || header == "cookie" {
				t.Errorf("header %q got through", header)
			}
		}
		got, want := "", string(body)
		switch {
		case e.Body == nil:
		case *e.IsBase64Encoded:
			decoded, err := base64.StdEncoding.DecodeString(*e.Body)
			if err != nil {
				t.Fatalf("body %q: %v", *e.Body, err)
			}
			got = string(decoded)
		default:
			got, want = *e.Body, asJSON(want)
		}
		if got != want {
			t.Errorf("body = %q, want %q", got, want)
		}
	})
}

// asJSON returns text as it is after a way through JSON: each byte that is not
// UTF-8 becomes a replacement character.
func asJSON(text string) string { return string([]rune(text)) }

// FuzzAnswer gives any answer of a function. The client gets one well-formed
// response, and no header with a line break.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"statusCode":200,"headers":{"a":"b"},"cookies":["c=d"],"body":"e","isBase64Encoded":false}`,
		`{"statusCode":"2e2"}`, `{"statusCode":204,"body":"AA==","isBase64Encoded":true}`, `{}`, `[]`, `"x"`, ``, `null`,
		`{"statusCode":200,"headers":{"a\r\nb":"c"}}`, `{"statusCode":200,"cookies":["\n"]}`, `{"STATUSCODE":304}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		c := &capture{answer: string(answer)}
		g, err := gateway.New(gateway.Config{Routes: []gateway.Route{{Key: "$default", Invoke: c.invoke}}})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		if w.Code < 200 || w.Code > 599 || w.Header().Get("Content-Type") == "" && !strings.Contains(strings.ToLower(string(answer)), "content-type") {
			t.Errorf("answer to %q = %d %v", answer, w.Code, w.Header())
		}
		for name, values := range w.Header() {
			if strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("answer to %q has the header %q: %q", answer, name, values)
			}
		}
	})
}
