package authrequest_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/authrequest"
	"github.com/tipstaff/tipstaff/shared/client"
)

var registered = []string{
	"https://app.example.com/cb", "https://app.example.com/cb?tenant=1", "https://app.example.com", "com.example.app:/cb",
	"http://127.0.0.1/cb", "http://[::1]:5000/cb?x", "http://127.0.0.1:9", "http://localhost:3000/cb",
}

func TestOnlyTheLoopbackPortMayDiffer(t *testing.T) {
	for requested, want := range map[string]string{
		"http://127.0.0.1:49152/cb":   "http://127.0.0.1/cb",
		"http://127.0.0.1:1/cb":       "http://127.0.0.1/cb",
		"http://127.0.0.1:65535/cb":   "http://127.0.0.1/cb",
		"http://[::1]:49152/cb?x":     "http://[::1]:5000/cb?x",
		"http://[::1]/cb?x":           "http://[::1]:5000/cb?x",
		"http://127.0.0.1:49152":      "http://127.0.0.1:9",
		"http://127.0.0.1":            "http://127.0.0.1:9",
		"http://127.0.0.1:0/cb":       "",
		"http://127.0.0.1:065/cb":     "",
		"http://127.0.0.1:65536/cb":   "",
		"http://127.0.0.1:99999/cb":   "",
		"http://127.0.0.1:123456/cb":  "",
		"http://127.0.0.1:/cb":        "",
		"http://127.0.0.1:8 0/cb":     "",
		"http://127.0.0.1:80@evil/cb": "",
		"http://127.0.0.1:80.evil/cb": "",
		"http://127.0.0.1.evil/cb":    "",
		"http://127.0.0.1@evil/cb":    "",
		"http://127.0.0.1:80/cb/":     "",
		"http://127.0.0.1:80/CB":      "",
		"http://127.0.0.1:80/cb?":     "",
		"http://127.0.0.1:80/x/../cb": "",
		"http://127.0.0.1:80//cb":     "",
		"http://127.0.0.1:80/cb#x":    "",
		"http://127.0.0.2:80/cb":      "",
		"http://127.1:80/cb":          "",
		"http://[::1]:80/cb":          "",
		"http://[0:0::1]:80/cb?x":     "",
		"http://localhost:3001/cb":    "",
		"http://localhost/cb":         "",
		"https://127.0.0.1:80/cb":     "",
		"HTTP://127.0.0.1:80/cb":      "",
		"https://app.example.com:443": "",
		"https://app.example.com/":    "",
		"":                            "",
	} {
		got, ok := authrequest.Match(registered, requested)
		if got != want || ok != (want != "") {
			t.Errorf("Match(%q) = %q, %v, want %q", requested, got, ok, want)
		}
	}
	for _, r := range registered {
		if got, ok := authrequest.Match(registered, r); got != r || !ok {
			t.Errorf("Match(%q) = %q, %v, want itself", r, got, ok)
		}
	}
	if got, ok := authrequest.Match(nil, ""); ok {
		t.Errorf("Match of nothing = %q, want none", got)
	}
}

// TestKeycloakCVE202618211LocalhostPrefix: a host that only begins like a loopback address
// is a foreign host.
func TestKeycloakCVE202618211LocalhostPrefix(t *testing.T) {
	for _, evil := range []string{
		"http://localhost.evil.test/cb", "http://localhost.evil.test:3000/cb", "http://localhost:3000.evil.test/cb", "http://localhost:3000@evil.test/cb",
		"http://127.0.0.1.evil.test/cb", "http://127.0.0.1.evil.test:80/cb", "http://[::1].evil.test/cb?x", "http://127.0.0.1evil/cb",
	} {
		if got, ok := authrequest.Match(registered, evil); ok {
			t.Errorf("Match(%q) = %q, want none", evil, got)
		}
	}
}

// A match is the registered URI, with another port where the port is free: the bytes
// before and after it are the registered ones.
func FuzzMatch(f *testing.F) {
	for _, seed := range append([]string{"http://127.0.0.1:80@evil/cb", "http://[::1]:1/cb?x", "http://127.0.0.1:80\\@evil/cb", "https://app.example.com/cb/..;/x"}, registered...) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, requested string) {
		match, ok := authrequest.Match(registered, requested)
		if !ok || match == requested {
			return
		}
		// A registered loopback URI is host, port and tail. Cut the port out of both with
		// another method than Match uses.
		if without(match) != without(requested) || client.CheckRedirect(requested) != nil || !client.LoopbackRedirect(requested) {
			t.Errorf("Match(%q) = %q, which is another URI", requested, match)
		}
	})
}

func without(uri string) string {
	for _, host := range []string{"http://127.0.0.1:", "http://[::1]:"} {
		if rest, ok := strings.CutPrefix(uri, host); ok {
			return strings.TrimSuffix(host, ":") + strings.TrimLeft(rest, "0123456789")
		}
	}
	return uri
}
