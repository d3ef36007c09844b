package authorize_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// everywhere are the redirect URIs of one client of every kind that there is.
var everywhere = []string{
	"https://app.example.com/cb", "https://app.example.com/a/cb?tenant=1", "https://app.example.com:8443/cb", "https://app.example.com",
	"http://localhost:3000/cb", "http://127.0.0.1/cb", "http://127.0.0.1:9000/a/cb", "http://[::1]/cb?x=y", "com.example.app:/cb", "com.example.app://host/cb",
}

// ports is the port of a loopback address.
var ports = regexp.MustCompile(`^(http://(?:127\.0\.0\.1|\[::1\])):[1-9][0-9]{0,4}/`)

func portless(uri string) string { return ports.ReplaceAllString(uri, "$1/") }

// listed reports whether a Location is a registered URI, but for the port of a
// loopback address, with our parameters behind it. It knows nothing of how the
// route decides.
func listed(location string) bool {
	return slices.ContainsFunc(everywhere, func(uri string) bool {
		rest, ok := strings.CutPrefix(portless(location), portless(uri))
		separator := "?"
		if strings.Contains(uri, "?") {
			separator = "&"
		}
		return ok && strings.HasPrefix(rest, separator+"error=login_required&") && !strings.ContainsAny(rest, "/#@\\")
	})
}

// pieces are what the attacks on redirect URIs are made of.
var pieces = []string{
	"@", "@evil.test", "evil.test", ".evil.test", "//evil.test", "\\", "\\\\", "/..;/", "/../", "/./", "..", ";", "#", "%23", "%2f", "%2F", "%5c", "%00", "%0d%0a",
	"\r\n", "\t", " ", "?", "&", "=", ":", ":80", ":443", ":0", ":65536", ":1@", "[", "]", "[::1]", "::1", "127.0.0.1", "127.1", "0x7f000001", "2130706433",
	"localhost", "LOCALHOST", "localhost.", "javascript:", "JavaScript:", "data:", "https:", "http:", "HTTP:", "/", "//", "///", "cb", "CB", "*", "é", "。", "℀", "\x00",
	"\u202e", "\ufeff", "+", "%", "%zz", "redirect_uri=", "user:pass@", "com.example.app", ",", "'", "\"", "<", ">", "|", "^", "`", "{", "}",
}

// mutate changes a URI in one to three ways.
func mutate(r *rand.Rand, uri string) string {
	for range 1 + r.IntN(3) {
		at := r.IntN(len(uri) + 1)
		end := at + r.IntN(min(8, len(uri)-at)+1)
		piece := pieces[r.IntN(len(pieces))]
		switch r.IntN(8) {
		case 0, 1, 2:
			uri = uri[:at] + piece + uri[at:]
		case 3:
			uri = uri[:at] + piece + uri[end:]
		case 4:
			uri = uri[:at] + uri[end:]
		case 5:
			uri = uri[:at] + string(rune(r.IntN(256))) + uri[at:]
		case 6:
			uri = uri[:at] + strings.ToUpper(uri[at:end]) + uri[end:]
		case 7:
			uri = uri[:at] + everywhere[r.IntN(len(everywhere))] + uri[at:]
		}
		if uri == "" {
			return piece
		}
	}
	return uri
}

// TestKeycloakCVE20267504RedirectParsers sends 100,000 mutated redirect URIs. None
// is answered anywhere but at a registered one.
func TestKeycloakCVE20267504RedirectParsers(t *testing.T) {
	s := newScene(t)
	s.add("everywhere", func(c *client.Client) { c.FirstParty, c.RedirectURIs = true, everywhere })
	// The same attacks every time.
	random := rand.New(rand.NewPCG(4, 2026))
	rest := request("everywhere", "redirect_uri", "", "prompt", "none").Encode()
	answered := map[string]bool{}
	ask := func(uri string) {
		r := httptest.NewRequest(http.MethodGet, "/authorize", nil)
		r.URL.RawQuery = rest + "&redirect_uri=" + url.QueryEscape(uri)
		w := httptest.NewRecorder()
		err := s.handler.Serve(w, r)
		location := w.Header().Get("Location")
		if err != nil && location == "" && w.Body.Len() == 0 {
			return
		}
		if err != nil || !listed(location) {
			t.Errorf("redirect_uri=%q: %v, sent to %q", uri, err, location)
		}
		answered[uri] = true
	}
	for _, uri := range everywhere {
		ask(uri)
	}
	if len(answered) != len(everywhere) {
		t.Fatalf("of the registered URIs only %v are answered", answered)
	}
	s.wire.reset()
	for range 100_000 {
		ask(mutate(random, everywhere[random.IntN(len(everywhere))]))
	}
	for uri := range answered {
		if !slices.ContainsFunc(everywhere, func(e string) bool { return portless(e) == portless(uri) }) {
			t.Errorf("redirect_uri=%q is answered, and is not registered", uri)
		}
	}
	if n := s.wire.calls.Load(); n != 0 {
		t.Errorf("the attacks cost %d calls to AWS, want none", n)
	}
}

// The attacks by name. Each is sent to clients of every kind, and none is answered.
func TestAttacksOnRedirects(t *testing.T) {
	s := newScene(t)
	s.add("everywhere", func(c *client.Client) { c.FirstParty, c.RedirectURIs = true, everywhere })
	for name, uris := range map[string][]string{
		"KeycloakCVE202618211 localhost by prefix": {"http://localhost.evil.test/cb", "http://localhost:3000.evil.test/cb", "http://127.0.0.1.evil.test/cb"},
		"KeycloakCVE20267504 user information":     {"https://app.example.com@evil.test/cb", "http://127.0.0.1:80@evil.test/cb", "https://evil.test\\@app.example.com/cb"},
		"KeycloakCVE20263872 path tricks":          {"https://app.example.com/cb/..;/x", "https://app.example.com/x/../cb", "https://app.example.com/cb/", "https://app.example.com//cb", "http://127.0.0.1/a/../cb", "https://app.example.com/%63b"},
		"KeycloakCVE20248883 loopback":             {"http://127.0.0.2/cb", "http://localhost/cb", "http://localhost:3001/cb", "https://127.0.0.1/cb", "http://0.0.0.0/cb", "http://[::]/cb?x=y", "http://[::ffff:127.0.0.1]/cb"},
		"KeycloakCVE20269086 schemes":              {"javascript:alert(1)", "JavaScript:alert(1)//https://app.example.com/cb", "data:text/html,x", "vbscript:x", "file:///cb", "COM.EXAMPLE.APP:/cb", "com.example.app2:/cb", "http://app.example.com/cb", "HTTPS://app.example.com/cb"},
		"parts of a registered URI":                {"https://app.example.com/c", "https://app.example.com/cb?", "https://app.example.com/cb#", "https://app.example.com/a/cb", "https://app.example.com/a/cb?tenant=2", "https://app.example.com/a/cb?tenant=1&x", "//app.example.com/cb", "/cb", "cb"},
		"white space":                              {" https://app.example.com/cb", "https://app.example.com/cb ", "https://app.example.com/cb\n", "\thttps://app.example.com/cb"},
		"another origin":                           {"https://evil.test/cb", "https://app.example.com.evil.test/cb", "https://app.example.com:443/cb", "https://app.example.com:8444/cb", "https://sub.app.example.com/cb"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, uri := range uris {
				isPage(t, uri, get(s.signedIn(), request("everywhere", "redirect_uri", uri)), 400)
			}
		})
	}
}

// TestCloudflareCVE20254143RedirectAtAuthorize and its neighbour: the address is
// checked here already, and PKCE cannot be left out.
func TestCloudflareCVE20254143RedirectAtAuthorize(t *testing.T) {
	s := newScene(t)
	isPage(t, "foreign address", get(s.signedIn(), request(own, "redirect_uri", "https://evil.test/cb")), 400)
}

func TestCloudflareCVE20254144ProofKeyCannotBeSkipped(t *testing.T) {
	s := newScene(t)
	for _, q := range []url.Values{
		request(own, "code_challenge", ""), request(own, "code_challenge", "", "code_challenge_method", ""), request(own, "code_challenge_method", "plain"),
	} {
		if fields := s.sent(get(s.signedIn(), q), callback); fields.Get("error") != "invalid_request" || fields.Has("code") {
			t.Errorf("%v = %v, want invalid_request", q, fields)
		}
	}
}

// TestZitadelGHSA7wfcForwardedHost: neither a proxy header nor Host changes the
// redirect URI or the issuer of a response.
func TestZitadelGHSA7wfcForwardedHost(t *testing.T) {
	s := newScene(t)
	r := httptest.NewRequest(http.MethodGet, "/authorize?"+request(own).Encode(), nil)
	r.Host = "evil.test"
	for _, name := range []string{"X-Forwarded-Host", "Forwarded", "X-Forwarded-Proto", "X-Original-URL"} {
		r.Header.Set(name, "evil.test")
	}
	r.Header.Set("Cookie", "__Host-sid="+s.cookie)
	if fields := s.sent(routetest.Do(s.route, r), callback); fields.Get("iss") != routetest.Issuer || fields.Get("code") == "" {
		t.Errorf("answer = %v, want a code of ours", fields)
	}
	r.Header.Del("Cookie")
	s.way(routetest.Do(s.route, r))
}
