package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// handler is a function as a Handler.
type handler func(w http.ResponseWriter, r *http.Request) error

func (h handler) Serve(w http.ResponseWriter, r *http.Request) error { return h(w, r) }

var post = contract.Function{
	Name: "post", Methods: []string{"POST"}, Paths: []string{"/post"}, CORS: contract.AnyOrigin, Timeout: 3 * time.Second,
}

// route returns a route and the buffer of its log.
func route(f contract.Function, h handler) (*httpapi.Route, *bytes.Buffer) {
	var log bytes.Buffer
	return &httpapi.Route{
		Function: f, Stage: "test", Issuer: "https://auth.example.com", Handler: h,
		Log: &httpapi.Log{W: &log},
	}, &log
}

func form(body string) *http.Request {
	r := httptest.NewRequest("POST", "/post", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func serve(rt *httpapi.Route, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	rt.ServeHTTP(w, r)
	return w.Result()
}

// described says where our API describes itself (RFC 9728 §5.1).
const described = `, resource_metadata="https://auth.example.com/.well-known/oauth-protected-resource/api"`

func TestErrorsBecomeAnswers(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
		code   oauth.Code
		header string // one that must be there, as name: value
	}{
		{"refused", oauth.Refuse(oauth.InvalidScope, "no such scope"), 400, oauth.InvalidScope, "Cache-Control: no-store"},
		{"client", oauth.Refuse(oauth.InvalidClient, "no"), 401, oauth.InvalidClient, "Pragma: no-cache"},
		{"token", oauth.Refuse(oauth.InvalidToken, "no"), 401, oauth.InvalidToken, `WWW-Authenticate: Bearer realm="https://auth.example.com"` + described},
		{"scope", oauth.Refuse(oauth.InsufficientScope, "no"), 403, oauth.InsufficientScope, ""},
		{"dependency", errors.New("table is down: arn:aws:secret-detail"), 503, oauth.TemporarilyUnavailable, "Retry-After: 1"},
		{"deadline", context.DeadlineExceeded, 503, oauth.TemporarilyUnavailable, "Retry-After: 1"},
		{"not found", oauth.Refuse(oauth.NotFound, "no"), 404, oauth.NotFound, "Retry-After: "},
		{"forbidden", httpapi.Forbid("wrong origin"), 403, oauth.InvalidRequest, "Retry-After: "},
		{"throttled", fmt.Errorf("login: %w", early(1500*time.Millisecond)), 429, oauth.TemporarilyUnavailable, "Retry-After: 2"},
		{
			"stale sign-in", oauth.Refuse(oauth.InsufficientAuthentication, "no"), 401, oauth.InsufficientAuthentication,
			`WWW-Authenticate: Bearer realm="https://auth.example.com", error="insufficient_user_authentication", error_description="no", max_age=600` + described,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt, log := route(post, func(http.ResponseWriter, *http.Request) error { return tt.err })
			res := serve(rt, form(""))
			body, _ := io.ReadAll(res.Body)
			var got oauth.ErrorResponse
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("body %q is not JSON: %v", body, err)
			}
			if res.StatusCode != tt.status || got.Error != tt.code {
				t.Errorf("answer = %d %s, want %d %s", res.StatusCode, got.Error, tt.status, tt.code)
			}
			if strings.Contains(string(body), "secret-detail") {
				t.Errorf("body %q tells what only the log may", body)
			}
			if !strings.HasSuffix(got.URI, "docs/errors.md#"+string(tt.code)) {
				t.Errorf("error_uri = %q", got.URI)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok && res.Header.Get(name) != value {
				t.Errorf("header %s = %q, want %q", name, res.Header.Get(name), value)
			}
			if !strings.Contains(log.String(), `"code":"`+string(tt.code)+`"`) {
				t.Errorf("log %q lacks the code %s", log, tt.code)
			}
		})
	}
}

func TestPanicIsAnAnswerOfOurs(t *testing.T) {
	rt, log := route(post, func(http.ResponseWriter, *http.Request) error { panic("nil map") })
	res := serve(rt, form(""))
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 500 || !strings.Contains(string(body), `"error":"server_error"`) || strings.Contains(string(body), "nil map") {
		t.Errorf("answer = %d %s, want 500 server_error without detail", res.StatusCode, body)
	}
	if !strings.Contains(log.String(), "nil map") || !strings.Contains(log.String(), `"Faults":1`) {
		t.Errorf("log %q lacks the panic", log)
	}
	if res := serve(rt, form("")); res.StatusCode != 500 {
		t.Errorf("second request after a panic = %d, want 500", res.StatusCode)
	}
}

func TestStepsRefuseBeforeTheHandler(t *testing.T) {
	tests := []struct {
		name    string
		request func() *http.Request
		status  int
		detail  string
	}{
		{"method", func() *http.Request { return httptest.NewRequest("GET", "/post", nil) }, 405, "method"},
		{"content type", func() *http.Request {
			r := form("a=1")
			r.Header.Set("Content-Type", "application/json")
			return r
		}, 400, "application/x-www-form-urlencoded"},
		{"no content type", func() *http.Request {
			r := form("a=1")
			r.Header.Del("Content-Type")
			return r
		}, 400, "application/x-www-form-urlencoded"},
		{"size", func() *http.Request { return form("a=" + strings.Repeat("x", 32<<10)) }, 400, "larger"},
		{"twice", func() *http.Request { return form("a=1&a=1") }, 400, "more than once"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt, _ := route(post, func(http.ResponseWriter, *http.Request) error {
				t.Error("the handler was reached")
				return nil
			})
			res := serve(rt, tt.request())
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != tt.status || !strings.Contains(string(body), tt.detail) ||
				!strings.Contains(string(body), `"error":"invalid_request"`) {
				t.Errorf("answer = %d %s, want %d with %q", res.StatusCode, body, tt.status, tt.detail)
			}
		})
	}
}

func TestQueryIsNoForm(t *testing.T) {
	rt, _ := route(post, func(w http.ResponseWriter, r *http.Request) error {
		if got := r.PostForm.Get("client_secret"); got != "" {
			t.Errorf("PostForm holds %q from the URL", got)
		}
		httpapi.Answer(w, 200, struct{}{})
		return nil
	})
	r := form("a=1")
	r.URL.RawQuery = "client_secret=leaked"
	if res := serve(rt, r); res.StatusCode != 200 {
		t.Errorf("status = %d, want 200", res.StatusCode)
	}
}

// pageHandler shows refusals with a status that it chooses.
type pageHandler struct{ handler }

func (pageHandler) Refuse(w http.ResponseWriter, _ *http.Request, refused httpapi.Refusal) bool {
	if refused.Status != 503 {
		return false
	}
	w.WriteHeader(refused.Status)
	_, _ = w.Write([]byte("a page"))
	return true
}

func TestPagesShowRefusals(t *testing.T) {
	for want, err := range map[string]error{"a page": errors.New("down"), `"error":"invalid_scope"`: oauth.Refuse(oauth.InvalidScope, "")} {
		rt, log := route(post, nil)
		rt.Handler = pageHandler{func(http.ResponseWriter, *http.Request) error { return err }}
		res := serve(rt, form(""))
		if body, _ := io.ReadAll(res.Body); !strings.Contains(string(body), want) || !strings.Contains(log.String(), `"code"`) {
			t.Errorf("answer to %v = %s, log %s, want %s and a code in the log", err, body, log, want)
		}
	}
}

func TestProblemDocument(t *testing.T) {
	get := contract.Function{Name: "get", Methods: []string{"GET"}, Paths: []string{"/get"}, Timeout: 3 * time.Second}
	rt, _ := route(get, func(http.ResponseWriter, *http.Request) error { return oauth.Refuse(oauth.InvalidToken, "expired") })
	rt.Problems = true
	r := httptest.NewRequest("GET", "/get", nil)
	r.Header.Set("Authorization", "Bearer x")
	res := serve(rt, r)
	body, _ := io.ReadAll(res.Body)
	if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q, want application/problem+json", got)
	}
	if !strings.Contains(string(body), `"code":"invalid_token"`) || !strings.Contains(string(body), `"status":401`) {
		t.Errorf("body = %s", body)
	}
	want := `Bearer realm="https://auth.example.com", error="invalid_token", error_description="expired"` + described
	if got := res.Header.Get("WWW-Authenticate"); got != want {
		t.Errorf("WWW-Authenticate = %q, want %q", got, want)
	}
}

func TestNowIsTheTimeOfTheRequest(t *testing.T) {
	shifted := time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)
	rt, _ := route(post, func(w http.ResponseWriter, r *http.Request) error {
		if got := httpapi.Now(r.Context()); !got.Equal(shifted) {
			t.Errorf("Now() = %v, want %v", got, shifted)
		}
		httpapi.Answer(w, 200, struct{}{})
		return nil
	})
	if drift := time.Since(httpapi.Now(t.Context())).Abs(); drift > time.Minute {
		t.Errorf("without a request the time is %v off", drift)
	}
	r := form("")
	serve(rt, r.WithContext(httpapi.WithArrival(r.Context(), shifted.UnixMilli(), "r")))
}

func TestDeadlineIsAheadOfLambdas(t *testing.T) {
	rt, _ := route(post, func(w http.ResponseWriter, r *http.Request) error {
		deadline, ok := r.Context().Deadline()
		if left := time.Until(deadline); !ok || left > post.Timeout-contract.Grace {
			t.Errorf("deadline in %v, want at most %v", left, post.Timeout-contract.Grace)
		}
		httpapi.Answer(w, 200, struct{}{})
		return nil
	})
	serve(rt, form(""))
}

func TestDocument(t *testing.T) {
	get := contract.Function{Name: "get", Methods: []string{"GET"}, Paths: []string{"/get"}, CORS: contract.AnyOrigin, Timeout: 3 * time.Second}
	document := httpapi.NewDocument([]byte(`{"keys":[]}`))
	rt, _ := route(get, func(w http.ResponseWriter, r *http.Request) error { document.Write(w, r); return nil })
	res := serve(rt, httptest.NewRequest("GET", "/get", nil))
	etag := res.Header.Get("ETag")
	if res.StatusCode != 200 || etag == "" || res.Header.Get("Cache-Control") != "public, max-age=300" || res.Header.Get("Pragma") != "" {
		t.Errorf("answer = %d %v", res.StatusCode, res.Header)
	}
	for _, match := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
		r := httptest.NewRequest("GET", "/get", nil)
		r.Header.Set("If-None-Match", match)
		if res := serve(rt, r); res.StatusCode != 304 {
			t.Errorf("If-None-Match %s = %d, want 304", match, res.StatusCode)
		}
	}
	if res := serve(rt, httptest.NewRequest("HEAD", "/get", nil)); res.StatusCode != 200 {
		t.Errorf("HEAD = %d, want 200", res.StatusCode)
	}
}

// An error may add its own headers, from however deep below, and after those that its
// code asks for.
func TestErrorsWithHeaders(t *testing.T) {
	rt, _ := route(post, func(http.ResponseWriter, *http.Request) error {
		return fmt.Errorf("judge: %w", &oauth.Error{Code: oauth.InvalidToken, Err: nonce("n-1")})
	})
	res := serve(rt, form(""))
	if res.StatusCode != 401 || res.Header.Get("DPoP-Nonce") != "n-1" || res.Header.Get("WWW-Authenticate") != "mine" {
		t.Errorf("answer = %d %v, want both headers of the error", res.StatusCode, res.Header)
	}
}

type nonce string

func (n nonce) Error() string { return "a nonce is missing" }

func (n nonce) SetHeaders(h http.Header) {
	h.Set("DPoP-Nonce", string(n))
	h.Set("WWW-Authenticate", "mine")
}
