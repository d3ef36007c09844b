package client_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
)

func TestNormalizeResource(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"as written", "https://api.example.com/billing", "https://api.example.com/billing"},
		{"origin", "https://api.example.com", "https://api.example.com"},
		{"root slash of a strict client", "https://api.example.com/", "https://api.example.com"},
		{"root slash before a query", "https://api.example.com/?v=1", "https://api.example.com?v=1"},
		{"only the root slash goes", "https://api.example.com/a/", "https://api.example.com/a/"},
		{"a double slash is a path", "https://api.example.com//", "https://api.example.com//"},
		{"scheme and host", "HTTPS://API.Example.COM/Billing", "https://api.example.com/Billing"},
		{"default port", "https://api.example.com:443/a", "https://api.example.com/a"},
		{"empty port", "https://api.example.com:/a", "https://api.example.com/a"},
		{"other port", "https://api.example.com:8443", "https://api.example.com:8443"},
		{"http port on https", "https://api.example.com:80", "https://api.example.com:80"},
		{"loopback", "http://localhost:8080/", "http://localhost:8080"},
		{"loopback default port", "http://127.0.0.1:80/a", "http://127.0.0.1/a"},
		{"loopback IPv6", "http://[::1]:8080/a", "http://[::1]:8080/a"},
		{"query", "https://api.example.com/a?b=C", "https://api.example.com/a?b=C"},
		{"percent-encoding stays", "https://api.example.com/%7ea", "https://api.example.com/%7ea"},
		{"urn", "URN:example:billing", "urn:example:billing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := client.NormalizeResource(tt.in)
			if err != nil || got != tt.want {
				t.Errorf("NormalizeResource(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
			}
		})
	}
}

func TestNormalizeResourceRefuses(t *testing.T) {
	tests := []struct{ name, in string }{
		{"empty", ""},
		{"relative", "/api"},
		{"no host", "https:///a"},
		{"no authority", "https:a"},
		{"fragment", "https://api.example.com/#a"},
		{"empty fragment", "https://api.example.com#"},
		{"user information", "https://user@api.example.com/"},
		{"http", "http://api.example.com/"},
		{"looks like loopback", "http://localhost.example.com/"},
		{"userinfo that looks like loopback", "http://localhost:80@example.com/"},
		{"other scheme", "ftp://api.example.com/"},
		{"script", "javascript:alert(1)"},
		{"backslash", `https://api.example.com\@evil.example`},
		{"space", "https://api.example.com/a b"},
		{"control", "https://api.example.com/\n"},
		{"not ASCII", "https://bücher.example/"},
		{"percent in host", "https://api%2eexample.com/"},
		{"broken percent", "https://api.example.com/%zz"},
		{"cut percent", "https://api.example.com/%2"},
		{"port zero", "https://api.example.com:0/"},
		{"port with leading zero", "https://api.example.com:0443/"},
		{"port too high", "https://api.example.com:65536/"},
		{"port with sign", "https://api.example.com:+443/"},
		{"two ports", "https://api.example.com:1:2/"},
		{"second spelling of an address", "https://[0:0::1]/"},
		{"address without end", "https://[::1/"},
		{"zone", "https://[fe80::1%25eth0]/"},
		{"urn without name", "urn:example:"},
		{"urn without namespace", "urn::a"},
		{"too long", "https://api.example.com/" + strings.Repeat("a", 512)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := client.NormalizeResource(tt.in); err == nil {
				t.Errorf("NormalizeResource(%q) = %q, want an error", tt.in, got)
			}
		})
	}
}

// A normal form is its own normal form, net/url reads it in the same way, and the
// root slash that clients add does not change it.
func FuzzNormalizeResource(f *testing.F) {
	for _, s := range []string{
		"https://api.example.com/", "HTTP://LOCALHOST:80?a", "urn:a:b", "https://[::1]:443//?x",
		"https://a%2f/", "https://a:b@c/", "https://a/?#",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, err := client.NormalizeResource(in)
		if err != nil {
			return
		}
		if twice, err := client.NormalizeResource(once); err != nil || twice != once {
			t.Errorf("NormalizeResource(%q) = %q, again = %q, %v, want the same", in, once, twice, err)
		}
		u, err := url.Parse(once)
		if err != nil || !u.IsAbs() || u.Fragment != "" || u.User != nil {
			t.Errorf("NormalizeResource(%q) = %q, which net/url reads as %#v, %v", in, once, u, err)
			return
		}
		if u.Opaque == "" && u.Path == "" && u.RawQuery == "" && !u.ForceQuery {
			if slash, err := client.NormalizeResource(once + "/"); err != nil || slash != once {
				t.Errorf("NormalizeResource(%q) = %q, %v, want %q", once+"/", slash, err, once)
			}
		}
	})
}
