package client

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// API is the id of Tipstaff's own API: the path that follows the issuer in the
// audience of its tokens. It is the only resource id that is not an absolute URI,
// so one registry file works in every stage.
const API = contract.APIPath

// How long the access tokens of a resource live.
const (
	DefaultLifetime = 5 * time.Minute
	MinLifetime     = time.Minute
	MaxLifetime     = time.Hour
)

// Resource is a protected API. The callers of a [Store] share the value that it
// returns and must not change it.
type Resource struct {
	// ID is API or an absolute URI as NormalizeResource returns it.
	ID   string
	Name string
	// Algorithm signs the tokens of this resource, oauth.ES256 or oauth.RS256.
	Algorithm string
	// Lifetime of an access token.
	Lifetime time.Duration
	Scopes   []Scope
	// SelfRegistered are the scopes that clients may ask for that registered
	// themselves. Empty means that they get no access.
	SelfRegistered []string
	// Revision counts the writes of this resource, from 1.
	Revision int64
}

// Scope is a permission that a resource defines.
type Scope struct {
	Name        string
	Description string
}

// Defines reports whether the resource has a scope of that name.
func (r *Resource) Defines(scope string) bool {
	for _, s := range r.Scopes {
		if s.Name == scope {
			return true
		}
	}
	return false
}

// OwnAPI returns the resource of Tipstaff's own API. It is built in: it has no
// item, and [Store.Resource] returns it without a call.
func OwnAPI() *Resource {
	own := &Resource{ID: API, Name: "Tipstaff", Algorithm: oauth.ES256, Lifetime: DefaultLifetime}
	for _, s := range contract.APIScopes {
		own.Scopes = append(own.Scopes, Scope(s))
	}
	return own
}

// maxResource is the length of the longest resource id.
const maxResource = 512

// NormalizeResource returns the canonical spelling of a resource id, under which
// it is stored and looked up: scheme and host in lower case, no default port, and
// no slash when the path is nothing else. Clients of RFC 8707 send the root slash
// whether the operator wrote it or not. Without it the id of an origin is the
// origin itself, as in an issuer.
//
// A resource is an absolute URI without fragment (RFC 8707 §2): https, http on a
// loopback host, or a URN. The part after the host is compared byte by byte. The
// error is a sentence about the URI.
func NormalizeResource(resource string) (string, error) {
	if len(resource) > maxResource {
		return "", fmt.Errorf("resource is longer than %d bytes", maxResource)
	}
	if err := checkURI(resource); err != nil {
		return "", err
	}
	scheme, rest, ok := strings.Cut(resource, ":")
	if !ok {
		return "", errors.New("resource is not an absolute URI")
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "https", "http":
		return normalizeHTTP(scheme, rest)
	case "urn":
		nid, nss, _ := strings.Cut(rest, ":")
		if nid == "" || nss == "" {
			return "", errors.New("resource is not a URN")
		}
		return scheme + ":" + rest, nil
	}
	return "", errors.New("resource is neither an https URI nor a URN")
}

func normalizeHTTP(scheme, rest string) (string, error) {
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return "", errors.New("resource has no host")
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	host, port, err := splitAuthority(strings.ToLower(authority))
	if err != nil {
		return "", err
	}
	if scheme == "http" && !Loopback(host) {
		return "", errors.New("resource uses http on a host that is not loopback")
	}
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	if port != "" {
		host += ":" + port
	}
	if tail == "/" || strings.HasPrefix(tail, "/?") {
		tail = tail[1:]
	}
	return scheme + "://" + host + tail, nil
}

// Loopback reports whether host, in lower case and as in a URI, is this machine:
// "localhost", 127.0.0.1 or [::1].
func Loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "[::1]"
}

// splitAuthority splits a lower-case authority into host and port. It accepts no
// user information, no percent-encoding and no empty host.
func splitAuthority(authority string) (host, port string, err error) {
	host, colon := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, colon, port = authority[:i], ":", authority[i+1:]
	}
	if colon != "" && port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port[0] == '0' {
			return "", "", errors.New("resource has a port that is none")
		}
	}
	if !validHost(host) {
		return "", "", errors.New("resource has a host that is none")
	}
	return host, port, nil
}

func validHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		// An address has one spelling. Otherwise two ids could name one resource.
		return err == nil && addr.Zone() == "" && host == "["+addr.String()+"]" && addr.Is6()
	}
	for i := range len(host) {
		if c := host[i]; !alphanumeric(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return host != ""
}

// checkURI refuses characters that no URI contains (RFC 3986 §2), and a fragment.
func checkURI(s string) error {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '#':
			return errors.New("resource has a fragment")
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return fmt.Errorf("resource contains the byte %#02x, which no URI has", c)
		case c == '%' && (i+2 >= len(s) || !hexDigit(s[i+1]) || !hexDigit(s[i+2])):
			return errors.New("resource has a broken percent-encoding")
		}
	}
	return nil
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
