package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
)

// JSON bodies reach a handler as a form does; an empty body is an empty form.
func TestBodies(t *testing.T) {
	both := post
	both.JSON = true
	tests := []struct {
		name, contentType, body string
		function                contract.Function
		want                    string // of parameter a
		status                  int
	}{
		{"form", "application/x-www-form-urlencoded", "a=1", both, "1", 200},
		{"JSON", "application/json", `{"a":"1"}`, both, "1", 200},
		{"JSON with a charset", "application/json; charset=utf-8", `{"a":"1"}`, both, "1", 200},
		{"JSON where none is taken", "application/json", `{"a":"1"}`, post, "", 400},
		{"form that calls itself JSON", "application/json", `a=1`, both, "", 400},
		{"JSON that calls itself a form", "application/x-www-form-urlencoded", `{"a":"1"}`, both, "", 200},
		{"multipart", "multipart/form-data; boundary=x", "--x--", both, "", 400},
		{"nothing", "", "", post, "", 200},
		{"nothing that calls itself JSON", "application/json", "", post, "", 400},
		{"large JSON", "application/json", `{"a":"` + strings.Repeat("x", 32<<10) + `"}`, both, "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt, _ := route(tt.function, func(w http.ResponseWriter, r *http.Request) error {
				if got := r.PostForm.Get("a"); got != tt.want {
					t.Errorf("parameter a = %q, want %q", got, tt.want)
				}
				httpapi.Answer(w, 200, struct{}{})
				return nil
			})
			r := form(tt.body)
			r.Header.Set("Content-Type", tt.contentType)
			if tt.contentType == "" {
				r.Header.Del("Content-Type")
			}
			if res := serve(rt, r); res.StatusCode != tt.status {
				t.Errorf("status = %d, want %d", res.StatusCode, tt.status)
			}
		})
	}
}

// A body of any shape is left to the handler, within the limits of all bodies.
func TestNestedBody(t *testing.T) {
	nested := post
	nested.Nested = true
	tests := []struct {
		name, contentType, body string
		fails                   bool
	}{
		{"an object", "application/json", `{"a":["1",{"b":2}]}`, false},
		{"something else", "application/json", "a=1", false},
		{"nothing", "application/json", "", false},
		{"a form", "application/x-www-form-urlencoded", "a=1", true},
		{"no type", "", "{}", true},
		{"largest", "application/json", strings.Repeat(" ", 32<<10), false},
		{"too large", "application/json", strings.Repeat(" ", 32<<10+1), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt, _ := route(nested, func(w http.ResponseWriter, r *http.Request) error {
				body, err := httpapi.Body(r)
				if (err != nil) != tt.fails || err == nil && string(body) != tt.body {
					t.Errorf("Body = %q, %v, want an error: %t", body, err, tt.fails)
				}
				if r.PostForm != nil {
					t.Errorf("form = %v, want none", r.PostForm)
				}
				httpapi.Answer(w, 200, struct{}{})
				return nil
			})
			r := form(tt.body)
			r.Header.Set("Content-Type", tt.contentType)
			if res := serve(rt, r); res.StatusCode != 200 {
				t.Errorf("status = %d", res.StatusCode)
			}
		})
	}
}
