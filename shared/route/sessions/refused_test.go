package sessions_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Each of these requests comes from another party than the user.
func TestRefused(t *testing.T) {
	h := routetest.Furnish(t)
	l, value := h.Login(h.Ada)
	phone := h.Grant(routetest.Phone, h.Ada)
	from := func(r *http.Request, origin, site string) *http.Request {
		r.Header.Del("Sec-Fetch-Site")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		return r
	}
	session := func(r token.Request) string {
		r.ClientID = routetest.Phone
		if r.Scope == "" {
			r.Scope = contract.ScopeSessions
		}
		return mint(h, r)
	}
	everyone := httptest.NewRequest("GET", "/sessions", nil)
	tests := []struct {
		name    string
		request *http.Request
		status  int
		code    string
	}{
		{"nobody", everyone, 401, "invalid_token"},
		{"another site, deleting", from(cookie("DELETE", "/sessions/"+l.ID, value), "https://evil.example", "cross-site"), 403, "invalid_request"},
		{"a neighbour, deleting", from(cookie("DELETE", "/sessions", value), routetest.App, "same-site"), 403, "invalid_request"},
		{"another site, reading", from(cookie("GET", "/sessions", value), "https://evil.example", "cross-site"), 403, "invalid_request"},
		{"a script that says nothing", from(cookie("DELETE", "/sessions", value), "", ""), 403, "invalid_request"},
		{"a form of another site", from(cookie("POST", "/sessions/revoke-others", value), "null", "cross-site"), 403, "invalid_request"},
		{"a cut cookie", cookie("GET", "/sessions", value[:len(value)-1]), 401, "invalid_token"},
		{"a refresh token as the cookie", cookie("GET", "/sessions", phone.RefreshToken), 401, "invalid_token"},
		{"a refresh token as the access token", bearer("GET", "/sessions", phone.RefreshToken), 401, "invalid_token"},
		{"a cookie as the access token", bearer("GET", "/sessions", value), 401, "invalid_token"},
		{"a token for another API", bearer("GET", "/sessions", phone.Access.Value), 401, "invalid_token"},
		{"a token with another scope", bearer("GET", "/sessions", session(token.Request{Subject: h.Ada, Scope: "ready", SessionID: phone.Grant.ID})), 403, "insufficient_scope"},
		{"a machine", bearer("GET", "/sessions", session(token.Request{Subject: routetest.Phone})), 403, "insufficient_scope"},
		{"a machine called like a person", bearer("GET", "/sessions", session(token.Request{Subject: h.Ada})), 403, "insufficient_scope"},
		{"a token of another person's grant", bearer("GET", "/sessions", session(token.Request{Subject: "usr_other", SessionID: phone.Grant.ID})), 401, "invalid_token"},
		{"another scheme", func() *http.Request {
			r := bearer("GET", "/sessions", "")
			r.Header.Set("Authorization", "Basic YTpi")
			return r
		}(), 401, "invalid_token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routetest.Do(route(h), tt.request)
			if got.Status != tt.status || got.JSON["code"] != tt.code {
				t.Errorf("answer = %d %s, want %d %s", got.Status, got.Body, tt.status, tt.code)
			}
			if len(got.Header.Values("Set-Cookie")) != 0 {
				t.Errorf("answer sets %v", got.Header.Values("Set-Cookie"))
			}
		})
	}
	if got := live(t, h, h.Ada); !strings.Contains(got, l.ID) || !strings.Contains(got, phone.Grant.ID) {
		t.Errorf("live = %s, want everything", got)
	}
}

func TestMethods(t *testing.T) {
	h := routetest.Furnish(t)
	_, value := h.Login(h.Ada)
	for _, tt := range []struct{ method, path, allow string }{
		{"POST", "/sessions", "GET, HEAD, DELETE"},
		{"GET", "/sessions/01ARZ3NDEKTSV4RRFFQ69G5FAV", "DELETE"},
		{"POST", "/sessions/01ARZ3NDEKTSV4RRFFQ69G5FAV", "DELETE"},
		{"GET", "/sessions/revoke-others", "POST"},
		{"DELETE", "/sessions/revoke-others", "POST"},
	} {
		if got := routetest.Do(route(h), cookie(tt.method, tt.path, value)); got.Status != 405 || got.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s = %d, Allow %q, want 405, %q", tt.method, tt.path, got.Status, got.Header.Get("Allow"), tt.allow)
		}
	}
}
