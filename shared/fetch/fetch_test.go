package fetch_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/fetch"
)

// Addresses of the two servers in the test's network.
const (
	outsideAddress = "93.184.215.14"
	insideAddress  = "127.0.0.1"
)

// network has one public server, and one private server at every address that is not
// public.
type network struct {
	*fetch.Fetcher
	// names are the addresses of a host name, one result after another. The last one
	// stays.
	names map[string][][]string
	// answer is the handler of the public server.
	answer http.HandlerFunc

	mu                sync.Mutex
	dialed            []string
	lookups, requests int
	inside            int
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{names: map[string][][]string{"example.com": {{outsideAddress}}}}
	n.answer = func(w http.ResponseWriter, _ *http.Request) { write(w, "application/json", `{"a":1}`) }
	public := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		n.requests++
		n.mu.Unlock()
		n.answer(w, r)
	}))
	t.Cleanup(public.Close)
	private := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, "application/json", `{"secret":1}`)
	}))
	private.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			n.mu.Lock()
			n.inside++
			n.mu.Unlock()
		}
	}
	private.StartTLS()
	t.Cleanup(private.Close)
	roots := x509.NewCertPool()
	roots.AddCert(public.Certificate())
	roots.AddCert(private.Certificate())
	n.Fetcher = &fetch.Fetcher{
		Roots: roots, Timeout: time.Minute, // of a slow machine
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			return n.resolve(host)
		},
		Dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			n.mu.Lock()
			n.dialed = append(n.dialed, to.String())
			n.mu.Unlock()
			target := private.Listener.Addr().String()
			if to.Addr().String() == outsideAddress {
				target = public.Listener.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, "tcp", target)
		},
	}
	return n
}

func (n *network) resolve(host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookups++
	answers, ok := n.names[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		n.names[host] = answers[1:]
	}
	var all []netip.Addr
	for _, text := range answers[0] {
		all = append(all, netip.MustParseAddr(text))
	}
	return all, nil
}

func write(w http.ResponseWriter, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write([]byte(body))
}

func (n *network) refused(t *testing.T, address string) *fetch.Error {
	t.Helper()
	document, err := n.Get(t.Context(), address)
	refusal, ok := errors.AsType[*fetch.Error](err)
	if !ok {
		t.Fatalf("Get(%q) = %v, %v, want an *Error", address, document, err)
	}
	if n.inside != 0 {
		t.Errorf("Get(%q) reached a server inside", address)
	}
	return refusal
}

func TestGet(t *testing.T) {
	n := newNetwork(t)
	n.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "example.com" || r.URL.RequestURI() != "/a/b?c=d" || r.Header.Get("Cookie") != "" {
			t.Errorf("request = %s %s %v", r.Host, r.URL, r.Header)
		}
		w.Header().Set("Cache-Control", "public, max-age=600")
		write(w, "application/json; charset=utf-8", `{"a":1}`)
	}
	got, err := n.Get(t.Context(), "https://example.com/a/b?c=d")
	if err != nil || string(got.Body) != `{"a":1}` || got.MaxAge != 10*time.Minute {
		t.Fatalf("Get = %v, %v", got, err)
	}
	if want := outsideAddress + ":443"; len(n.dialed) != 1 || n.dialed[0] != want {
		t.Errorf("dialed %v, want %s", n.dialed, want)
	}
}

// Keycloak CVE-2026-1180, -4366: a URL in a request must not lead the server into its
// own network.
func TestSSRF(t *testing.T) {
	for _, address := range []string{
		insideAddress, "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "169.254.169.254",
		"169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
		"255.255.255.255",
		"::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::",
		"2002:a9fe:a9fe::", "3fff::1", "::127.0.0.1", "100::1", "5f00::1", "64:ff9b:1::1",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b::c0a8:101",
	} {
		t.Run(address, func(t *testing.T) {
			n := newNetwork(t)
			n.names["inside.example"] = [][]string{{address}}
			if got := n.refused(t, "https://inside.example/"); got.Temporary {
				t.Errorf("refusal = %v, want a final one", got)
			}
			n.refused(t, "https://["+address+"]/")
			n.refused(t, "https://"+address+"/")
			// One public address does not help.
			n.names["both.example"] = [][]string{{outsideAddress, address}}
			n.refused(t, "https://both.example/")
			if len(n.dialed) != 0 || n.requests != 0 {
				t.Errorf("dialed %v, %d requests, want none", n.dialed, n.requests)
			}
		})
	}
}

func TestPublicAddresses(t *testing.T) {
	for _, tt := range []struct{ address, dialed string }{
		{"1.1.1.1", "1.1.1.1:443"},
		{"100.63.255.255", "100.63.255.255:443"},
		{"172.32.0.1", "172.32.0.1:443"},
		{"::ffff:1.1.1.1", "1.1.1.1:443"},
		{"2606:4700:4700::1111", "[2606:4700:4700::1111]:443"},
		{"64:ff9b::101:101", "[64:ff9b::101:101]:443"},
	} {
		n := newNetwork(t)
		n.names["example.com"] = [][]string{{tt.address}}
		if _, err := n.Get(t.Context(), "https://example.com/"); err != nil || len(n.dialed) != 1 || n.dialed[0] != tt.dialed {
			t.Errorf("Get at %s = %v, dialed %v, want %s", tt.address, err, n.dialed, tt.dialed)
		}
	}
}

// A redirect is refused like every response without a document.
func TestSSRFThroughARedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		n := newNetwork(t)
		n.names["inside.example"] = [][]string{{insideAddress}}
		n.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://inside.example/latest/meta-data")
			w.WriteHeader(status)
		}
		if got := n.refused(t, "https://example.com/"); !strings.Contains(got.Reason, "redirect") || got.Temporary {
			t.Errorf("%d: refusal = %v", status, got)
		}
		if n.lookups != 1 || n.requests != 1 {
			t.Errorf("%d: %d names resolved, %d requests, want one of each", status, n.lookups, n.requests)
		}
	}
}

// A name that is public when it is checked and loopback when it is dialed is resolved
// only once.
func TestSSRFByARebindingName(t *testing.T) {
	n := newNetwork(t)
	n.names["example.com"] = [][]string{{outsideAddress}, {insideAddress}}
	if _, err := n.Get(t.Context(), "https://example.com/"); err != nil {
		t.Fatal(err)
	}
	if n.lookups != 1 || n.inside != 0 {
		t.Errorf("the name was resolved %d times, and a server inside reached %d times", n.lookups, n.inside)
	}
	n.refused(t, "https://example.com/")
}

// A proxy of the environment would resolve the name again.
func TestFetchUsesNoProxy(t *testing.T) {
	n := newNetwork(t)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	if _, err := n.Get(t.Context(), "https://example.com/"); err != nil || n.inside != 0 {
		t.Errorf("Get with a proxy in the environment = %v", err)
	}
}

// With the real network the loopback is closed, too.
func TestLoopbackIsClosedOnTheRealNetwork(t *testing.T) {
	for _, address := range []string{"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://localhost/"} {
		if got, err := new(fetch.Fetcher).Get(t.Context(), address); err == nil {
			t.Errorf("Get(%q) = %v", address, got)
		}
	}
}

func TestOnlyPlainHTTPSURLsAreAccepted(t *testing.T) {
	n := newNetwork(t)
	for _, address := range []string{
		"", "example.com", "//example.com/", "/a", "http://example.com/", "HTTP://example.com/", "ftp://example.com/",
		"file:///etc/passwd", "https:example.com", "https:///a", "https://:443/", "https://example.com:8443/",
		"https://example.com:80/", "https://example.com:/", "https://user@example.com/", "https://user:pass@example.com/",
		"https://@example.com/", "https://exa mple.com/", "https://example.com\\@inside.example/", "gopher://example.com/",
		"https://%zz/", "https://[::1/", "https://[fe80::1%25eth0]/",
	} {
		if got := n.refused(t, address); got.Temporary {
			t.Errorf("Get(%q) = %v, want a final refusal", address, got)
		}
	}
	if len(n.dialed) != 0 {
		t.Errorf("dialed %v", n.dialed)
	}
}

func TestOnlyJSONDocumentsAreAccepted(t *testing.T) {
	const kind = "application/json"
	tests := []struct {
		name      string
		answer    http.HandlerFunc
		reason    string // "" for a document
		temporary bool
	}{
		{"an object", func(w http.ResponseWriter, _ *http.Request) { write(w, kind, "{}") }, "", false},
		{"built on JSON", func(w http.ResponseWriter, _ *http.Request) { write(w, "application/x+json", "{}") }, "", false},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { write(w, "text/html", "{}") }, "not application/json", false},
		{"text", func(w http.ResponseWriter, _ *http.Request) { write(w, "text/plain+json", "{}") }, "not application/json", false},
		{"no type", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = w.Write([]byte("{}"))
		}, "not application/json", false},
		{"largest", func(w http.ResponseWriter, _ *http.Request) {
			write(w, kind, strings.Repeat(" ", fetch.MaxBody))
		}, "", false},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			write(w, kind, strings.Repeat(" ", fetch.MaxBody+1))
		}, "larger than", false},
		{"not found", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "answers 404", false},
		{"created", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) }, "answers 201", false},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "answers 204", false},
		{"fault", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "answers 500", true},
		{"throttled", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, "answers 429", true},
		{"large header", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", 64<<10))
			write(w, kind, "{}")
		}, "cannot be reached", true},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			write(w, kind, "{")
		}, "could not be read", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t)
			n.answer = tt.answer
			if tt.reason == "" {
				if _, err := n.Get(t.Context(), "https://example.com/"); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := n.refused(t, "https://example.com/"); !strings.Contains(got.Reason, tt.reason) || got.Temporary != tt.temporary {
				t.Errorf("refusal = %+v, want %q, temporary %t", got, tt.reason, tt.temporary)
			}
		})
	}
}

func TestUnreachableHostIsReported(t *testing.T) {
	n := newNetwork(t)
	if got := n.refused(t, "https://nowhere.example/"); got.Temporary {
		t.Errorf("unknown host: %v, want a final refusal", got)
	}
	known := n.Resolve
	n.Resolve = func(context.Context, string) ([]netip.Addr, error) {
		return nil, errors.New("the resolver does not answer")
	}
	if got := n.refused(t, "https://example.com/"); !got.Temporary {
		t.Errorf("no resolver: %v, want a temporary refusal", got)
	}
	n.Resolve = known
	n.names["empty.example"] = [][]string{{}}
	n.refused(t, "https://empty.example/")

	// A certificate for another name, and one without a trusted issuer.
	n.names["other.test"] = [][]string{{outsideAddress}}
	n.refused(t, "https://other.test/")
	n.Roots = x509.NewCertPool()
	n.refused(t, "https://example.com/")
	if n.requests != 0 {
		t.Errorf("%d requests reached a server that proved nothing", n.requests)
	}
}

// The second address is tried when the first does not answer.
func TestNextAddressIsTried(t *testing.T) {
	n := newNetwork(t)
	n.names["example.com"] = [][]string{{"2606:4700::1", "1.1.1.1", outsideAddress}}
	reach := n.Dial
	n.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		if to.Addr().String() != outsideAddress {
			n.dialed = append(n.dialed, to.String())
			return nil, errors.New("no answer")
		}
		return reach(ctx, to)
	}
	if _, err := n.Get(t.Context(), "https://example.com/"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(n.dialed, " "); got != "1.1.1.1:443 "+outsideAddress+":443" {
		t.Errorf("dialed %s, want IPv4 first, in order", got)
	}
}

// A server that never ends its response does not block the caller.
func TestSlowServerDoesNotBlock(t *testing.T) {
	n := newNetwork(t)
	n.Timeout = 200 * time.Millisecond
	n.answer = func(w http.ResponseWriter, r *http.Request) {
		write(w, "application/json", "{")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // until the fetcher has gone
	}
	if got := n.refused(t, "https://example.com/"); !got.Temporary {
		t.Errorf("refusal = %v, want a temporary one", got)
	}
}

func TestMaxAge(t *testing.T) {
	tests := []struct {
		headers []string
		want    time.Duration
	}{
		{nil, -1},
		{[]string{"public"}, -1},
		{[]string{"max-age=60"}, time.Minute},
		{[]string{`Max-Age="60"`}, time.Minute},
		{[]string{"max-age=0"}, 0},
		{[]string{"max-age=-1"}, 0},
		{[]string{"max-age=x"}, 0},
		{[]string{"max-age"}, 0},
		{[]string{"max-age=99999999999999999999"}, 0},
		{[]string{"max-age=9999999999999999"}, 365 * 24 * time.Hour},
		{[]string{"max-age=60, no-store"}, 0},
		{[]string{"max-age=60", "no-cache"}, 0},
		{[]string{"max-age=60, max-age=30"}, 30 * time.Second},
		{[]string{"s-maxage=60"}, -1},
	}
	for _, tt := range tests {
		n := newNetwork(t)
		n.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Cache-Control"] = tt.headers
			write(w, "application/json", "{}")
		}
		got, err := n.Get(t.Context(), "https://example.com/")
		if err != nil || got.MaxAge != tt.want {
			t.Errorf("Cache-Control %q = %v, %v, want %v", tt.headers, got, err, tt.want)
		}
	}
}

// For every URL a Fetcher dials only port 443 of resolved public addresses.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/", "https://example.com:443/a?b#c", "https://127.0.0.1/", "https://[::1]/", "https://0x7f.1/",
		"https://2130706433/", "https://inside.example\\@example.com", "https://example.com@inside.example/", "https://[::ffff:7f00:1]/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		var dialed []netip.AddrPort
		n := fetch.Fetcher{
			Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
				if host == "example.com" {
					return []netip.Addr{netip.MustParseAddr(outsideAddress)}, nil
				}
				return []netip.Addr{netip.MustParseAddr(insideAddress)}, nil
			},
			Dial: func(_ context.Context, to netip.AddrPort) (net.Conn, error) {
				dialed = append(dialed, to)
				return nil, errors.New("no answer")
			},
		}
		if _, err := n.Get(t.Context(), address); err == nil {
			t.Fatalf("Get(%q) found a document", address)
		}
		for _, to := range dialed {
			if a := to.Addr(); to.Port() != 443 || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || !a.IsGlobalUnicast() {
				t.Errorf("Get(%q) dialed %s", address, to)
			}
		}
		if len(dialed) > 0 && !bytes.Contains(bytes.ToLower([]byte(address)), []byte("https://")) {
			t.Errorf("Get(%q) dialed %v without https", address, dialed)
		}
	})
}
