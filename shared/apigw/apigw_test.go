package apigw_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/httpapi"
)

// result is what the gateway reads.
type result struct {
	StatusCode      int
	Headers         map[string]string
	Cookies         []string
	Body            string
	IsBase64Encoded bool
}

func invoke(t *testing.T, h http.HandlerFunc, event string) result {
	t.Helper()
	out, err := apigw.Handler(h)(context.Background(), []byte(event))
	if err != nil {
		t.Fatalf("Invoke(%s): %v", event, err)
	}
	var got result
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("answer %s: %v", out, err)
	}
	return got
}

func TestRequest(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte("a=1&b=%20"))
	tests := []struct {
		name  string
		event string
		want  func(*http.Request, string) bool
	}{
		{
			"form in base64",
			`{"routeKey":"ANY /token","headers":{"content-type":"application/x-www-form-urlencoded"},"body":"` + encoded + `","isBase64Encoded":true,"requestContext":{"http":{"method":"POST"}}}`,
			func(r *http.Request, body string) bool {
				return r.Method == "POST" && body == "a=1&b=%20" && r.ContentLength == 9 && r.Header.Get("Content-Type") == "application/x-www-form-urlencoded"
			},
		},
		{
			"plain text",
			`{"routeKey":"ANY /token","body":"a=1","requestContext":{"http":{"method":"POST"}}}`,
			func(_ *http.Request, body string) bool { return body == "a=1" },
		},
		{
			"path of the route, not the decoded one",
			`{"routeKey":"ANY /token","rawPath":"/token/../admin","requestContext":{"http":{"method":"GET","path":"/token/../admin"}}}`,
			func(r *http.Request, _ string) bool { return r.URL.Path == "/token" },
		},
		{
			"path with a parameter",
			`{"routeKey":"DELETE /sessions/{id}","rawPath":"/sessions/7","requestContext":{"http":{"method":"DELETE"}}}`,
			func(r *http.Request, _ string) bool { return r.URL.Path == "/sessions/7" },
		},
		{
			"query as it was sent",
			`{"routeKey":"$default","rawPath":"/x","rawQueryString":"a=%2F&a=2","queryStringParameters":{"a":"/,2"},"requestContext":{"http":{"method":"GET"}}}`,
			func(r *http.Request, _ string) bool { return r.URL.RawQuery == "a=%2F&a=2" && r.URL.Path == "/x" },
		},
		{
			"cookies",
			`{"routeKey":"GET /x","cookies":["a=1","b=2"],"requestContext":{"http":{"method":"GET"}}}`,
			func(r *http.Request, _ string) bool {
				return r.Header.Get("Cookie") == "a=1; b=2" && len(r.Cookies()) == 2
			},
		},
		{
			"who and when",
			`{"routeKey":"GET /x","requestContext":{"domainName":"auth.example.com","requestId":"r1","timeEpoch":1790000000000,"http":{"method":"GET","sourceIp":"192.0.2.7"}}}`,
			func(r *http.Request, _ string) bool {
				return r.Host == "auth.example.com" && r.RemoteAddr == "192.0.2.7" && httpapi.RequestID(r.Context()) == "r1"
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			invoke(t, func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if !tt.want(r, string(body)) {
					t.Errorf("request = %+v, body %q", r, body)
				}
			}, tt.event)
		})
	}
}

const get = `{"routeKey":"GET /x","requestContext":{"http":{"method":"GET"}}}`

func TestAnswer(t *testing.T) {
	t.Run("text", func(t *testing.T) {
		got := invoke(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(201)
			_, _ = w.Write([]byte(`{"a":"<"}`))
		}, get)
		if got.StatusCode != 201 || got.Body != `{"a":"<"}` || got.IsBase64Encoded || got.Headers["Content-Type"] != "application/json" {
			t.Errorf("answer = %+v", got)
		}
	})
	t.Run("binary", func(t *testing.T) {
		got := invoke(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xfe}) }, get)
		if got.StatusCode != 200 || !got.IsBase64Encoded || got.Body != "//4=" {
			t.Errorf("answer = %+v", got)
		}
	})
	t.Run("cookies", func(t *testing.T) {
		got := invoke(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Set-Cookie", "a=1")
			w.Header().Add("Set-Cookie", "b=2")
			w.Header().Add("Vary", "A")
			w.Header().Add("Vary", "B")
		}, get)
		if strings.Join(got.Cookies, "|") != "a=1|b=2" || got.Headers["Vary"] != "A, B" || got.Headers["Set-Cookie"] != "" {
			t.Errorf("answer = %+v", got)
		}
	})
	t.Run("nothing written", func(t *testing.T) {
		if got := invoke(t, func(http.ResponseWriter, *http.Request) {}, get); got.StatusCode != 200 {
			t.Errorf("answer = %+v, want 200", got)
		}
	})
	t.Run("HEAD", func(t *testing.T) {
		got := invoke(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("body")) },
			strings.Replace(get, `"method":"GET"`, `"method":"HEAD"`, 1))
		if got.StatusCode != 200 || got.Body != "" {
			t.Errorf("answer = %+v, want no body", got)
		}
	})
	t.Run("status is the first", func(t *testing.T) {
		got := invoke(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); w.WriteHeader(200) }, get)
		if got.StatusCode != 400 {
			t.Errorf("status = %d, want the first, 400", got.StatusCode)
		}
	})
}

func TestNoEvent(t *testing.T) {
	for _, event := range []string{``, `{}`, `[]`, `"x"`, `{"requestContext":{"http":{"method":"POST"}},"body":"%%%","isBase64Encoded":true}`} {
		h := apigw.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%s reached the handler", event) }))
		if out, err := h(context.Background(), []byte(event)); err == nil {
			t.Errorf("Invoke(%q) = %s, want an error", event, out)
		}
	}
}

// FuzzInvoke feeds events of any shape: the adapter answers or returns an
// error, and what it answers is an answer that the gateway understands.
func FuzzInvoke(f *testing.F) {
	f.Add([]byte(get), "application/json")
	f.Add([]byte(`{"headers":{"a":"b"},"cookies":["x"],"body":"AA==","isBase64Encoded":true,"requestContext":{"http":{"method":"POST"}}}`), "x")
	f.Add([]byte(`{"rawPath":"\u0000","routeKey":"GET","requestContext":{"http":{"method":"G T"}}}`), "\xff")
	f.Fuzz(func(t *testing.T, event []byte, echo string) {
		h := apigw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Echo", echo)
			_, _ = w.Write(append(body, echo...))
		}))
		out, err := h(context.Background(), event)
		if err != nil {
			return
		}
		var got result
		if err := json.Unmarshal(out, &got); err != nil || got.StatusCode != 200 {
			t.Errorf("Invoke(%q) = %q, %v", event, out, err)
		}
	})
}
