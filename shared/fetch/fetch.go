// Package fetch gets a JSON document from a URL that an untrusted request names.
//
// # Threat
//
// A server that fetches any URL can be led into its own network: to its loopback, to
// its neighbours, to the address at which a cloud provider hands out credentials. This
// is server-side request forgery (SSRF).
//
// # Defence
//
// A [Fetcher] connects to public addresses only, by https on port 443. It resolves the
// name itself, checks every address of the result, and connects to those addresses. It
// never resolves the name a second time, so DNS rebinding has no effect. It follows no
// redirect and uses no proxy, so every connection passes the check. It accepts only
// short documents with a JSON content type, within a time limit.
//
// The resolver and the network are fields, so that a test can replace them. The check
// is not.
package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultTimeout is the time limit for a document, from name resolution to the
	// last byte.
	DefaultTimeout = 5 * time.Second
	// MaxBody is the size of the largest document in bytes.
	MaxBody = 64 << 10

	maxHeader   = 16 << 10
	dialTimeout = 2 * time.Second
	port        = 443
)

// Fetcher gets documents. The zero value uses the resolver, the network and the root
// certificates of the system.
type Fetcher struct {
	// Resolve returns the addresses of a host name. Nil means the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects to a checked address. Nil means the network.
	Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Roots are the trusted root certificates. Nil means those of the system.
	Roots *x509.CertPool
	// Timeout bounds one Get. Zero means [DefaultTimeout].
	Timeout time.Duration
}

// Document is the result of [Fetcher.Get].
type Document struct {
	Body []byte
	// MaxAge is how long the server allows caching (RFC 9111 §5.2). It is 0 when
	// caching is not allowed, and negative when the server sends no limit.
	MaxAge time.Duration
}

// Error is returned when there is no document. Reason is a sentence for its author.
type Error struct {
	Reason string
	// Temporary reports that another try may succeed: the cause is the network or
	// the server, not the URL.
	Temporary bool
	Err       error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Reason + ": " + e.Err.Error()
	}
	return e.Reason
}

func (e *Error) Unwrap() error { return e.Err }

// Get returns the document at address, or an [*Error].
func (f *Fetcher) Get(ctx context.Context, address string) (*Document, error) {
	host, err := Host(address)
	if err != nil {
		return nil, &Error{Reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.Timeout, DefaultTimeout))
	defer cancel()
	addresses, err := f.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, &Error{Reason: "the URL is not valid", Err: err}
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Tipstaff")
	answer, err := f.transport(host, addresses).RoundTrip(r)
	if err != nil {
		return nil, &Error{Reason: "the server cannot be reached", Temporary: true, Err: err}
	}
	defer func() { _ = answer.Body.Close() }() // read, or given up
	return read(ctx, answer)
}

// Host returns the host name of a URL that a [Fetcher] accepts: https, on the default
// port, without user information. The error is a sentence about the URL.
func Host(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Opaque != "":
		return "", errors.New("the URL is not valid")
	case u.Scheme != "https":
		return "", errors.New("the URL is not https")
	case u.User != nil:
		return "", errors.New("the URL has user information")
	case u.Hostname() == "":
		return "", errors.New("the URL has no host")
	case u.Port() != "" && u.Port() != strconv.Itoa(port), strings.HasSuffix(u.Host, ":"):
		return "", errors.New("the URL has a port")
	}
	return u.Hostname(), nil
}

// resolve returns the checked addresses of a host.
func (f *Fetcher) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	var all []netip.Addr
	if literal, err := netip.ParseAddr(host); err == nil {
		all = []netip.Addr{literal}
	} else {
		lookup := f.Resolve
		if lookup == nil {
			lookup = system
		}
		if all, err = lookup(ctx, host); err != nil {
			unknown, ok := errors.AsType[*net.DNSError](err)
			return nil, &Error{Reason: "the host name cannot be resolved", Temporary: !ok || !unknown.IsNotFound, Err: err}
		}
	}
	addresses, err := open(all)
	if err != nil {
		return nil, &Error{Reason: err.Error()}
	}
	return addresses, nil
}

func system(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// transport connects to one server once. It has no proxy, and RoundTrip follows no
// redirect. It dials the given addresses, whatever address net/http asks for.
func (f *Fetcher) transport(host string, addresses []netip.Addr) *http.Transport {
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("this is no plain connection")
		},
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return f.connect(ctx, host, addresses)
		},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
}

// connect tries the addresses in order.
func (f *Fetcher) connect(ctx context.Context, host string, addresses []netip.Addr) (net.Conn, error) {
	dial := f.Dial
	if dial == nil {
		dial = network
	}
	var failures []error
	for _, a := range addresses {
		conn, err := dial(ctx, netip.AddrPortFrom(a, port))
		if err != nil {
			failures = append(failures, err)
			continue
		}
		secure := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: f.Roots, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake has failed already
			failures = append(failures, err)
			continue
		}
		return secure, nil
	}
	return nil, errors.Join(failures...)
}

func network(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout}
	return d.DialContext(ctx, "tcp", to.String())
}

// read reads the document from a response.
func read(ctx context.Context, answer *http.Response) (*Document, error) {
	switch status := answer.StatusCode; {
	case status == http.StatusOK:
	case status >= 300 && status < 400:
		return nil, &Error{Reason: "the server redirects, which is not followed"}
	default:
		return nil, &Error{
			Reason:    fmt.Sprintf("the server answers %d", status),
			Temporary: status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout,
		}
	}
	if !isJSON(answer.Header.Get("Content-Type")) {
		return nil, &Error{Reason: "the document is not application/json"}
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxBody+1))
	if err == nil {
		// A server that sees the cancellation can still end its response regularly.
		err = ctx.Err()
	}
	if err != nil {
		return nil, &Error{Reason: "the document could not be read", Temporary: true, Err: err}
	}
	if len(body) > MaxBody {
		return nil, &Error{Reason: fmt.Sprintf("the document is larger than %d bytes", MaxBody)}
	}
	return &Document{Body: body, MaxAge: maxAge(answer.Header.Values("Cache-Control"))}, nil
}

// isJSON accepts application/json and types with its suffix (RFC 6839 §3.1).
func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" ||
		strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// longest is far above any useful age. It keeps a number from overflowing.
const longest = 365 * 24 * time.Hour

// maxAge reads Cache-Control. The shortest limit counts.
func maxAge(headers []string) time.Duration {
	age := time.Duration(-1)
	for directive := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		told := time.Duration(-1)
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			told = 0
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 64)
			switch {
			case err != nil:
				told = 0
			case seconds > uint64(longest/time.Second):
				told = longest
			default:
				told = time.Duration(seconds) * time.Second
			}
		}
		if told >= 0 && (age < 0 || told < age) {
			age = told
		}
	}
	return age
}
