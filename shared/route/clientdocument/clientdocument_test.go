package clientdocument_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/fetch"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/route/clientdocument"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// id is at a host that the certificate of a test server is for.
const id = "https://example.com/client.json"

const good = `{"client_id":"` + id + `","client_name":"App","redirect_uris":["https://example.com/cb"]}`

// site is a stage, and a network in which example.com is one server, and a server
// inside is what other names lead to.
type site struct {
	*routetest.Stage
	route   *httpapi.Route
	handler *clientdocument.Handler
	// body, status and header are what example.com answers; down keeps it from
	// answering.
	body   string
	status int
	header http.Header
	down   bool
	// addresses are what a name resolves to, one after another; the last stays.
	addresses []string

	requests, inside int
}

const outside = "93.184.215.14"

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Stage: routetest.New(t), body: good, status: 200, header: http.Header{}, addresses: []string{outside}}
	public := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.requests++
		w.Header().Set("Content-Type", "application/json")
		for name, values := range s.header {
			w.Header()[name] = values
		}
		w.WriteHeader(s.status)
		_, _ = w.Write([]byte(s.body))
	}))
	t.Cleanup(public.Close)
	private, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = private.Close() })
	roots := x509.NewCertPool()
	roots.AddCert(public.Certificate())
	s.handler = &clientdocument.Handler{
		Documents: &document.Store{DB: s.DB, Table: s.Table(contract.Documents), Now: s.Now},
		Allowed:   contract.ClientDocuments{Any: true}, Now: s.Now,
		Fetcher: &fetch.Fetcher{
			Roots: roots, Timeout: time.Minute, // of a slow machine
			Resolve: func(context.Context, string) ([]netip.Addr, error) {
				a := netip.MustParseAddr(s.addresses[0])
				if len(s.addresses) > 1 {
					s.addresses = s.addresses[1:]
				}
				return []netip.Addr{a}, nil
			},
			Dial: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
				if s.down {
					return nil, errors.New("connection refused by 10.1.2.3")
				}
				target := public.Listener.Addr().String()
				if to.Addr().String() != outside {
					s.inside++
					target = private.Addr().String()
				}
				return new(net.Dialer).DialContext(ctx, "tcp", target)
			},
		},
	}
	s.route = s.Route(contract.ClientDocument, s.handler)
	s.route.Problems = true
	return s
}

func (s *site) ask(id string) routetest.Answer {
	return routetest.Do(s.route, httptest.NewRequest("GET", "/client?"+url.Values{"client_id": {id}}.Encode(), nil))
}

func (s *site) refused(id string, status int, code string) routetest.Answer {
	s.T.Helper()
	got := s.ask(id)
	if got.Status != status || got.Text("code") != code || got.Header.Get("Content-Type") != "application/problem+json" ||
		got.Header.Get("Cache-Control") != "no-store" || got.Text("detail") == "" {
		s.T.Errorf("GET %.80s = %d %s, want %d %s", id, got.Status, got.Body, status, code)
	}
	return got
}

func TestFound(t *testing.T) {
	s := newSite(t)
	s.header.Set("Cache-Control", "max-age=3600")
	got := s.ask(id)
	if got.Status != 200 || got.Text("client_id") != id || got.Text("client_name") != "App" || got.Text("token_endpoint_auth_method") != "none" ||
		got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answer = %d %s", got.Status, got.Body)
	}
	if fetched, until := got.JSON["fetched_at"], got.JSON["fresh_until"]; fetched != float64(s.Time.Unix()) || until != float64(s.Time.Add(time.Hour).Unix()) {
		t.Errorf("fetched %v, fresh until %v", fetched, until)
	}
	for range 3 {
		if again := s.ask(id); again.Body != got.Body {
			t.Errorf("again = %s, want the same", again.Body)
		}
	}
	if s.requests != 1 {
		t.Errorf("%d requests, want one for a fresh document", s.requests)
	}
	// The change of a document is seen when it is not fresh any more.
	s.body = strings.Replace(good, "App", "Another", 1)
	s.Pass(time.Hour)
	if again := s.ask(id); again.Text("client_name") != "Another" || s.requests != 2 {
		t.Errorf("after an hour = %s, %d requests", again.Body, s.requests)
	}
}

// Keycloak CVE-2026-1180, -4366: a listener inside sees nothing of us, not even
// through a redirect, or a name that changes its mind.
func TestSSRF(t *testing.T) {
	s := newSite(t)
	for _, address := range []string{"127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00:ec2::254"} {
		s.Pass(document.RetryAfter)
		s.addresses = []string{address}
		s.refused(id, 400, "invalid_client_metadata")
		if s.inside+s.requests != 0 {
			t.Errorf("%s: something was dialed", address)
		}
	}
	s.Pass(document.RetryAfter)
	s.status = 302
	s.header.Set("Location", "https://127.0.0.1/latest/meta-data")
	s.addresses = []string{outside, "127.0.0.1"}
	s.refused(id, 400, "invalid_client_metadata")
	s.status, s.header = 200, http.Header{}
	s.Pass(document.RetryAfter)
	s.refused(id, 400, "invalid_client_metadata") // the name was rebound
	if s.inside != 0 || s.requests != 1 {
		t.Errorf("%d connections inside, %d requests outside, want none and one", s.inside, s.requests)
	}
	for _, other := range []string{
		"https://127.0.0.1/c", "https://[::1]/c", "https://localhost/c", "https://example.com:22/c", "http://example.com/c", "file:///etc/passwd",
		"https://user@example.com/c", "https://example.com\\@127.0.0.1/c", "https://example.com@127.0.0.1/c", "https://2130706433/c", "gopher://example.com/c",
	} {
		s.refused(other, 400, "invalid_request")
	}
	if s.inside != 0 || s.requests != 1 {
		t.Errorf("%d connections inside, %d requests outside, want none and one", s.inside, s.requests)
	}
}

func TestWrongDocument(t *testing.T) {
	s := newSite(t)
	for _, body := range []string{
		"", "{}", "null", "<html>", strings.Replace(good, "client.json", "other.json", 1), strings.Replace(good, "/cb", ".evil.test/cb", 1),
		strings.Replace(good, "{", `{"client_secret":"x",`, 1), strings.Repeat(" ", fetch.MaxBody+1),
	} {
		s.Pass(document.MaxFresh)
		s.body, s.requests = body, 0
		s.refused(id, 400, "invalid_client_metadata")
		s.refused(id, 400, "invalid_client_metadata")
		if s.requests != 1 {
			t.Errorf("body %.40q was fetched %d times in a minute, want once", body, s.requests)
		}
		s.body = good
		s.Pass(document.RetryAfter)
		if got := s.ask(id); got.Status != 200 {
			t.Errorf("a minute after body %.40q was mended: %d %s", body, got.Status, got.Body)
		}
	}
	s.Pass(document.MaxFresh)
	s.status = 404
	s.refused(id, 400, "invalid_client_metadata")
	s.Pass(document.RetryAfter)
	s.status = 200
	s.header.Set("Content-Type", "text/html")
	s.refused(id, 400, "invalid_client_metadata")
}

// An outage of the server does not end a client, and no response contains an error of
// our network.
func TestDown(t *testing.T) {
	s := newSite(t)
	s.down = true
	if got := s.refused(id, 424, "temporarily_unavailable"); strings.Contains(got.Body, "10.1.2.3") || got.Header.Get("Retry-After") != "60" {
		t.Errorf("answer = %s, Retry-After %s", got.Body, got.Header.Get("Retry-After"))
	}
	s.down = false
	s.Pass(document.RetryAfter)
	if got := s.ask(id); got.Status != 200 {
		t.Fatalf("answer = %d %s", got.Status, got.Body)
	}
	s.status = 500
	s.Pass(document.MinFresh)
	got := s.ask(id)
	if got.Status != 200 || got.Text("problem") == "" || got.JSON["fetched_at"] != float64(s.Time.Add(-document.MinFresh).Unix()) {
		t.Errorf("with a fault behind it = %d %s, want the earlier document and the problem", got.Status, got.Body)
	}
	// A 410 ends the earlier document, which an outage does not.
	s.status = 410
	s.Pass(document.RetryAfter)
	s.refused(id, 400, "invalid_client_metadata")
	s.status = 500
	s.Pass(document.RetryAfter)
	s.refused(id, 424, "temporarily_unavailable")
}

func TestModes(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		mode   string
		status int
		code   string
	}{
		{"any", 200, ""},
		{"example.com", 200, ""},
		{"a.example,example.com", 200, ""},
		{"off", 404, "not_found"},
		{"other.example.com", 403, "invalid_request"},
		{"notexample.com", 403, "invalid_request"},
	} {
		var err error
		s.requests = 0
		s.Pass(document.MaxFresh)
		if s.handler.Allowed, err = contract.ParseClientDocuments(tt.mode); err != nil {
			t.Fatal(err)
		}
		if tt.status == 200 {
			if got := s.ask(id); got.Status != 200 {
				t.Errorf("mode %s: %d %s", tt.mode, got.Status, got.Body)
			}
			continue
		}
		s.refused(id, tt.status, tt.code)
		if s.requests != 0 {
			t.Errorf("mode %s: the document was fetched", tt.mode)
		}
	}
	s.handler.Allowed = contract.ClientDocuments{Any: true}
	s.refused("", 400, "invalid_request")
}

// A host is called at most ten times a minute, whatever unauthenticated requests ask for.
func TestPerHost(t *testing.T) {
	s := newSite(t)
	s.Time = s.Time.Truncate(time.Minute)
	s.status = 404
	for i := range document.PerHost {
		s.refused(fmt.Sprintf("https://example.com/%d", i), 400, "invalid_client_metadata")
	}
	got := s.refused("https://example.com/more", 429, "temporarily_unavailable")
	if s.requests != document.PerHost || got.Header.Get("Retry-After") != "60" {
		t.Errorf("%d requests, Retry-After %s, want %d and 60", s.requests, got.Header.Get("Retry-After"), document.PerHost)
	}
	s.refused("https://example.com/0", 400, "invalid_client_metadata") // what is known needs no call
	s.Pass(time.Minute)
	s.refused("https://example.com/more", 400, "invalid_client_metadata")
}

// No server is called while the table cannot be read.
func TestOutage(t *testing.T) {
	s := newSite(t)
	s.handler.Documents.Table = "no-such-table"
	s.refused(id, 503, "temporarily_unavailable")
	if s.requests != 0 {
		t.Error("the document was fetched and could not be counted")
	}
}

// The other routes get the metadata of the client through this route.
func TestReader(t *testing.T) {
	s := newSite(t)
	issuer := httptest.NewServer(s.route)
	t.Cleanup(issuer.Close)
	clients := s.Clients()
	reader := &document.Reader{Store: s.handler.Documents, Allowed: s.handler.Allowed, Issuer: issuer.URL}
	clients.Documents = reader.Client
	for range 3 {
		c, err := clients.Client(t.Context(), id)
		if err != nil || c.ID != id || c.Name != "App" || !c.SelfRegistered || c.FirstParty {
			t.Fatalf("client = %+v, %v", c, err)
		}
	}
	if s.requests != 1 {
		t.Errorf("%d requests, want one", s.requests)
	}
	if c, err := clients.Client(t.Context(), "https://example.com/other.json"); !errors.Is(err, client.ErrUnknown) {
		t.Errorf("a document for another URL = %+v, %v, want ErrUnknown", c, err)
	}
}
