package websec_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
)

func TestSource(t *testing.T) {
	for uri, want := range map[string]string{
		"https://app.example.com/cb":         "https:",
		"https://app.example.com":            "https:",
		"https://app.example.com?x":          "https:",
		"https://app.example.com/cb;/x'self": "https:",
		"http://127.0.0.1:49152/cb":          "http: https:",
		"http://localhost:3000/cb":           "http: https:",
		"http://[::1]:49152/cb":              "http: https:",
		"com.example.app:/cb":                "com.example.app:",
		"com.example.app://auth/cb":          "com.example.app:",
	} {
		got := websec.Source(uri)
		if got != want || !websec.ValidSource(got) {
			t.Errorf("Source(%q) = %q, valid %v, want %q", uri, got, websec.ValidSource(got), want)
		}
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	for _, s := range []string{
		"", "*", "http:", "https: http:", "https:;", "https: data:", "data:", "blob:", "javascript:", "'unsafe-inline'", "https://*", "https://*.example.com", "http://example.com",
		"https://a.example b.example", "https://a.example;script-src", "https://a.example,", "https://a.example/path", "https://a.example?x",
		"https://u@a.example", "https://a.example\r\nx", "https://A.example:443;", "com.example.app:/x", "com.example.app", "HTTPS://a.example",
		"https://a.example'", "https://[::1]", "com.exa_mple:", "ws://a.example",
	} {
		if websec.ValidSource(s) {
			t.Errorf("ValidSource(%q) = true, want false", s)
		}
	}
}

// A source stands in a header between others: an app's is one word of it.
func FuzzValidSource(f *testing.F) {
	for _, seed := range []string{"https://app.example.com", "com.example.app:", "http: https:", "https://a;b", "x y", "https://a\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !websec.ValidSource(s) || s == "http: https:" {
			return
		}
		if strings.ContainsAny(s, " ;,'\"*\\<>\r\n\t") || strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' }) {
			t.Errorf("ValidSource(%q) = true, and it is more than one word of a policy", s)
		}
	})
}
