package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
)

func TestCORS(t *testing.T) {
	ok := func(w http.ResponseWriter, _ *http.Request) error { httpapi.Answer(w, 200, struct{}{}); return nil }
	rt, _ := route(post, ok)
	res := serve(rt, httptest.NewRequest("OPTIONS", "/post", nil))
	if res.StatusCode != 204 || res.Header.Get("Access-Control-Allow-Origin") != "*" ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight = %d %v, want 204 for any origin", res.StatusCode, res.Header)
	}
	if got := res.Header.Get("Access-Control-Allow-Credentials"); got != "" {
		t.Errorf("Access-Control-Allow-Credentials = %q, want none", got)
	}
	private := post
	private.CORS = contract.SameOrigin
	rt, _ = route(private, ok)
	res = serve(rt, form(""))
	if got := res.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("Access-Control-Allow-Origin of a private route = %q, want none", got)
	}
	if res := serve(rt, httptest.NewRequest("OPTIONS", "/post", nil)); res.StatusCode != 405 {
		t.Errorf("preflight of a private route = %d, want 405", res.StatusCode)
	}
}

// Only the origins of the client that the URL names may read the answers, and no
// origin may read a page.
func TestCORSOfNamedOrigins(t *testing.T) {
	named := contract.Function{
		Name: "named", Methods: []string{"GET", "POST"}, Paths: []string{"/named"}, CORS: contract.NamedOrigins,
		JSON: true, Timeout: 3 * time.Second,
	}
	page := named
	page.Page = true
	const app = "https://app.example.com"
	send := func(method, target, origin, contentType string) *http.Request {
		r := httptest.NewRequest(method, target, strings.NewReader("{}"))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		return r
	}
	const jsonType, formType = "application/json", "application/x-www-form-urlencoded"
	tests := []struct {
		name     string
		function contract.Function
		request  *http.Request
		status   int
		allowed  bool
	}{
		{"preflight of a registered origin", named, send("OPTIONS", "/named?client_id=web", app, ""), 204, true},
		{"preflight of a stranger", named, send("OPTIONS", "/named?client_id=web", "https://evil.example", ""), 204, false},
		{"preflight of a longer origin", named, send("OPTIONS", "/named?client_id=web", app+".evil.example", ""), 204, false},
		{"preflight of null", named, send("OPTIONS", "/named?client_id=web", "null", ""), 204, false},
		{"preflight for nobody", named, send("OPTIONS", "/named", app, ""), 204, false},
		{"preflight for an unknown client", named, send("OPTIONS", "/named?client_id=other", app, ""), 204, false},
		{"preflight of a page", page, send("OPTIONS", "/named?client_id=web", app, ""), 204, true},
		{"request", named, send("POST", "/named?client_id=web", app, jsonType), 200, true},
		{"refused request", named, send("PUT", "/named?client_id=web", app, ""), 405, true},
		{"request of a stranger", named, send("POST", "/named?client_id=web", "https://evil.example", jsonType), 200, false},
		{"request without an origin", named, send("POST", "/named?client_id=web", "", jsonType), 200, false},
		{"JSON of a page", page, send("POST", "/named?client_id=web", app, jsonType), 200, true},
		{"page", page, send("GET", "/named?client_id=web", app, ""), 200, false},
		{"form of a page", page, send("POST", "/named?client_id=web", app, formType), 200, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt, _ := route(tt.function, func(w http.ResponseWriter, _ *http.Request) error { httpapi.Answer(w, 200, struct{}{}); return nil })
			rt.Origins = func(_ context.Context, client, origin string) (bool, error) {
				return client == "web" && origin == app, nil
			}
			res := serve(rt, tt.request)
			want := ""
			if tt.allowed {
				want = app
			}
			if got := res.Header.Get("Access-Control-Allow-Origin"); res.StatusCode != tt.status || got != want {
				t.Errorf("answer = %d for origin %q, want %d for %q", res.StatusCode, got, tt.status, want)
			}
			if got := res.Header.Get("Access-Control-Allow-Credentials"); (got == "true") != tt.allowed {
				t.Errorf("Access-Control-Allow-Credentials = %q, want one: %t", got, tt.allowed)
			}
			// A page needs these to prove a key (RFC 9449) and to refresh.
			headers := res.Header.Get("Access-Control-Allow-Headers")
			if strings.Contains(headers, "DPoP") != tt.allowed || strings.Contains(headers, "X-Session-Refresh") != tt.allowed {
				t.Errorf("Access-Control-Allow-Headers = %q, want them: %t", headers, tt.allowed)
			}
			if got := res.Header.Get("Vary"); got != "Origin" {
				t.Errorf("Vary = %q, want Origin", got)
			}
		})
	}
}
