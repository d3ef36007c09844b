package websec_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

const app = "https://app.example.com"

// header is a request with these headers.
func header(method string, pairs ...string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	for ; len(pairs) > 0; pairs = pairs[2:] {
		r.Header.Add(pairs[0], pairs[1])
	}
	return r
}

func TestCookies(t *testing.T) {
	for name, sameSite := range map[string]string{
		websec.SessionCookie: "Lax", websec.FormCookie: "Lax", websec.BrowserCookie: "Lax", websec.RefreshCookie: "Strict",
	} {
		w := httptest.NewRecorder()
		websec.SetCookie(w, name, "v", time.Minute)
		got := w.Header().Get("Set-Cookie")
		if want := name + "=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=" + sameSite; got != want {
			t.Errorf("SetCookie(%s) = %q, want %q", name, got, want)
		}
		w = httptest.NewRecorder()
		websec.ClearCookie(w, name)
		got = w.Header().Get("Set-Cookie")
		if want := name + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=" + sameSite; got != want {
			t.Errorf("ClearCookie(%s) = %q, want %q", name, got, want)
		}
	}
}

func TestCookieOfARequest(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"one", "__Host-sid=a", "a"},
		{"among others", "x=1; __Host-sid=a; y=2", "a"},
		{"none", "x=1", ""},
		{"none at all", "", ""},
		{"twice", "__Host-sid=a; __Host-sid=b", ""},
		{"twice the same", "__Host-sid=a; __Host-sid=a", ""},
		{"other case", "__host-sid=a", ""},
		{"without the prefix", "sid=a", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := websec.Cookie(header("GET", "Cookie", tt.header), websec.SessionCookie); got != tt.want {
				t.Errorf("Cookie of %q = %q, want %q", tt.header, got, tt.want)
			}
		})
	}
}

func TestRefreshCookie(t *testing.T) {
	w := httptest.NewRecorder()
	websec.SetRefresh(w, "web", "tsr_abc", time.Hour)
	set := (&http.Response{Header: w.Header()}).Cookies()[0]
	id, token, ok := websec.Refresh(header("POST", "Cookie", set.Name+"="+set.Value))
	if id != "web" || token != "tsr_abc" || !ok {
		t.Errorf("Refresh = %q, %q, %v, want what was set", id, token, ok)
	}
	for _, value := range []string{"", "tsr_abc", ".tsr_abc", "web.", "web", "w/b.tsr_abc", strings.Repeat("w", 65) + ".tsr_abc"} {
		if id, token, ok := websec.Refresh(header("POST", "Cookie", websec.RefreshCookie+"="+value)); ok || id != "" || token != "" {
			t.Errorf("Refresh of %q = %q, %q, %v, want nothing", value, id, token, ok)
		}
	}
}

func FuzzRefreshCookie(f *testing.F) {
	for _, seed := range []string{"web.tsr_abc", "web..", ".", `"web.tsr"`, "web.a; __Host-rt=web.b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header["Cookie"] = []string{websec.RefreshCookie + "=" + value}
		if id, token, ok := websec.Refresh(r); ok != (id != "" && token != "") || ok && !client.ValidID(id) {
			t.Errorf("Refresh of %q = %q, %q, %v, want an id and a token, or nothing", value, id, token, ok)
		}
	})
}

func TestSameOrigin(t *testing.T) {
	const us = routetest.Issuer
	tests := []struct {
		name string
		r    *http.Request
		ok   bool
	}{
		{"our page", header("POST", "Origin", us, "Sec-Fetch-Site", "same-origin"), true},
		{"our page in an old browser", header("POST", "Origin", us), true},
		{"our page without a referrer", header("POST", "Origin", "null", "Sec-Fetch-Site", "same-origin"), true},
		{"our page without an origin", header("POST", "Sec-Fetch-Site", "same-origin"), true},
		{"a sandboxed page in an old browser", header("POST", "Origin", "null"), false},
		{"nothing said", header("POST"), false},
		{"another site", header("POST", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), false},
		{"a neighbour", header("POST", "Origin", "https://app.example.com", "Sec-Fetch-Site", "same-site"), false},
		{"another site in an old browser", header("POST", "Origin", "https://evil.example"), false},
		{"our name with more", header("POST", "Origin", us+".evil.example"), false},
		{"our name over http", header("POST", "Origin", "http://auth.example.com"), false},
		{"in other case", header("POST", "Origin", strings.ToUpper(us)), false},
		{"another site without an origin", header("POST", "Sec-Fetch-Site", "cross-site"), false},
		{"headers that disagree", header("POST", "Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"), false},
		{"typed by a person, but a post", header("POST", "Sec-Fetch-Site", "none"), false},
		{"delete by nobody", header("DELETE"), false},
		{"typed by a person", header("GET", "Sec-Fetch-Site", "none"), true},
		{"read by a program", header("GET"), true},
		{"read by our page", header("GET", "Sec-Fetch-Site", "same-origin"), true},
		{"read by another site", header("GET", "Sec-Fetch-Site", "cross-site"), false},
		{"read by another origin", header("GET", "Origin", "https://evil.example"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := websec.SameOrigin(tt.r, us)
			if (err == nil) != tt.ok {
				t.Fatalf("SameOrigin(%v) = %v, want allowed %t", tt.r.Header, err, tt.ok)
			}
			if refused, is := errors.AsType[*httpapi.StatusError](err); err != nil && (!is || refused.Status != 403) {
				t.Errorf("SameOrigin(%v) = %v, want a 403", tt.r.Header, err)
			}
		})
	}
}

func TestOriginsOfAClient(t *testing.T) {
	s := routetest.New(t)
	s.Register(client.Client{ID: "web", Origins: []string{app, "http://localhost:3000"}})
	s.Register(client.Client{ID: "off", Origins: []string{app}, Disabled: true})
	s.Register(client.Client{ID: "machine"})
	origins := websec.Origins(s.Clients())
	tests := []struct {
		id, origin string
		want       bool
	}{
		{"web", app, true},
		{"web", "http://localhost:3000", true},
		{"web", "http://localhost:3001", false},
		{"web", app + "/", false},
		{"web", "https://APP.example.com", false},
		{"web", "null", false},
		{"web", "", false},
		{"off", app, false},
		{"machine", app, false},
		{"machine", "", false},
		{"nobody", app, false},
		{"../web", app, false},
	}
	for _, tt := range tests {
		if got, err := origins(context.Background(), tt.id, tt.origin); got != tt.want || err != nil {
			t.Errorf("origins(%q, %q) = %v, %v, want %v", tt.id, tt.origin, got, err, tt.want)
		}
	}
}
