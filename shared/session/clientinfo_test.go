package session_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/session"
)

func TestClientInfoKeepsTheNetworkOnly(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9":                   "203.0.113.0/24",
		"203.0.113.9:443":               "203.0.113.0/24",
		"2001:db8:7:8:9:a:b:c":          "2001:db8:7::/48",
		"[2001:db8:7:8:9:a:b:c]:443":    "2001:db8:7::/48",
		"::ffff:203.0.113.9":            "203.0.113.0/24",
		"fe80::1%eth0":                  "fe80::/48",
		"":                              "",
		"localhost":                     "",
		"203.0.113.9, 198.51.100.1":     "",
		"<script>alert(1)</script>:443": "",
	} {
		if got := session.NewClientInfo(address, "").IP; got != want {
			t.Errorf("NewDevice(%q).IP = %q, want %q", address, got, want)
		}
	}
}

func TestClientInfoKeepsProgramAndSystem(t *testing.T) {
	const webkit = "AppleWebKit/537.36 (KHTML, like Gecko) "
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                        "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/140.0.0.0 Safari/537.36":                        "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/140.0.0.0 Safari/537.36 Edg/140.0":              "Edge on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + webkit + "Chrome/140.0.0.0 Safari/537.36 OPR/120.0":              "Opera on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15":             "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604.1":       "Safari on iPhone",
		"Mozilla/5.0 (iPad; CPU OS 19_0 like Mac OS X) AppleWebKit/605 CriOS/140.0 Mobile Safari/604.1":                 "Chrome on iPad",
		"Mozilla/5.0 (Linux; Android 16; Pixel 10) " + webkit + "Chrome/140.0 Mobile Safari/537.36":                     "Chrome on Android",
		"Mozilla/5.0 (Linux; Android 16; SM-S938B) " + webkit + "SamsungBrowser/28.0 Chrome/140.0 Mobile Safari/537.36": "Samsung Internet on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 16000.0.0) " + webkit + "Chrome/140.0 Safari/537.36":                             "Chrome on ChromeOS",
		"Mozilla/5.0 (compatible; Something/1.0)":                                                                       "",
		"curl/8.5.0":                "curl",
		"my-app/1.2 (Linux; arm64)": "my-app on Linux",
		"My App":                    "My App",
		"":                          "",
		"\x00\x1b[31mред/1":         "[31m",
	} {
		if got := session.NewClientInfo("", agent).Agent; got != want {
			t.Errorf("NewDevice(%q).Agent = %q, want %q", agent, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 5000), strings.Repeat("é", 5000), strings.Repeat("x", 200) + "/1 (Linux)"} {
		if got := session.NewClientInfo("", long).Agent; len(got) > 100 {
			t.Errorf("NewDevice(%d bytes).Agent has %d bytes, want at most 100", len(long), len(got))
		}
	}
}
