package registry_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/tools/registry"
)

// redirect registers one redirect URI.
func redirect(uri string) error {
	_, err := registry.Parse("f.yaml", fmt.Appendf(nil, "clients: [{id: a, redirect_uris: [%q]}]", uri))
	return err
}

func TestRedirectURI(t *testing.T) {
	for _, uri := range []string{
		"https://app.example.com", "https://app.example.com/", "https://app.example.com:8443/cb?x=1",
		"https://app.example.com/a/.well-known/cb", "http://localhost:3000/cb", "http://127.0.0.1/cb",
		"http://[::1]:9/cb", "com.example.app:/cb", "com.example.app://cb", "io.example-2.app:cb",
	} {
		if err := redirect(uri); err != nil {
			t.Errorf("redirect URI %q: %v, want it accepted", uri, err)
		}
	}
}

// Keycloak CVE-2026-9086, -18211, -7504 and their like: schemes that a browser
// runs, hosts that only look like loopback, and spellings that two parsers read
// in two ways.
func TestRedirectURIRefused(t *testing.T) {
	for _, uri := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://example.com/",
		"myapp:/cb", "com.:/cb", ".com:/cb", "COM.example.app:/cb", "HTTPS://app.example.com/cb", "1.a_b:/cb",
		"http://app.example.com/cb", "http://localhost.evil.test/cb", "http://127.0.0.1.evil.test/cb", "http://127.0.0.2/cb",
		"http://localhost@evil.test/cb", "https://user:pass@app.example.com/cb", "https://app.example.com@evil.test/",
		"https://app.example.com/cb#x", "https://app.example.com/cb#", "https://*.example.com/", "https://app.example.com/*",
		"https://app.example.com/a/../cb", "https://app.example.com/./cb", "https://app.example.com/%2e%2E/cb",
		"https://app.example.com/..", `https://app.example.com\cb`, "https://app.example.com/a b", "https://", "https:/cb",
		"https:app.example.com", "//app.example.com/cb", "/cb", "cb", "https://bücher.example/cb", "https://a..b:99999/cb",
		"https://app.example.com/" + strings.Repeat("a", 512),
	} {
		if redirect(uri) == nil {
			t.Errorf("redirect URI %q was accepted, want it refused", uri)
		}
	}
}

// What is accepted, net/url reads as what we took it for.
func FuzzRedirectURI(f *testing.F) {
	f.Add("https://app.example.com:443/cb?x=1")
	f.Add("http://[::1]:80/cb")
	f.Add("com.example.app:/cb")
	f.Add("h.00://00:00A")
	f.Fuzz(func(t *testing.T, uri string) {
		if redirect(uri) != nil {
			return
		}
		u, err := url.Parse(uri)
		if err != nil && strings.Contains(uri, "%") {
			return // a broken percent-encoding is compared byte by byte like any other text
		}
		if err != nil {
			t.Fatalf("redirect URI %q was accepted, and net/url says %v", uri, err)
		}
		host := u.Hostname()
		loopback := host == "localhost" || host == "127.0.0.1" || host == "::1"
		if u.User != nil || u.Fragment != "" || u.Scheme == "http" && !loopback ||
			u.Scheme != "http" && u.Scheme != "https" && !strings.Contains(u.Scheme, ".") {
			t.Errorf("redirect URI %q was accepted, and net/url reads %#v", uri, u)
		}
	})
}
