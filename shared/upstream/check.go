package upstream

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// The types of an upstream.
const (
	// TypeOIDC is an issuer of OpenID Connect.
	TypeOIDC = "oidc"
	// TypeGoogle is the same with the issuer of Google.
	TypeGoogle = "google"
	// TypeGitHub is GitHub, which has OAuth without an id token. Its API names the
	// account.
	TypeGitHub = "github"
)

// The rules for a user who signs in for the first time, with an account that is not linked
// to a user here.
const (
	// FirstInvitation refuses the sign-in. A user links the account in a session, or
	// follows an invitation.
	FirstInvitation = "invitation"
	// FirstCreate creates a user.
	FirstCreate = "create"
	// FirstDomains creates a user if the upstream has verified a mail address in one
	// of the Domains, and refuses the sign-in otherwise.
	FirstDomains = "domains"
)

// Types and Rules list all of them.
var (
	Types = []string{TypeOIDC, TypeGoogle, TypeGitHub}
	Rules = []string{FirstInvitation, FirstCreate, FirstDomains}
)

// The issuers of the types that have a fixed one.
const (
	GoogleIssuer = "https://accounts.google.com"
	GitHubIssuer = "https://github.com"
)

// DefaultScopes returns the scopes for an upstream of a type when the registry has none:
// those for the user's identity and mail address.
func DefaultScopes(kind string) []string {
	if kind == TypeGitHub {
		return []string{"read:user", "user:email"}
	}
	return []string{oauth.ScopeOpenID, oauth.ScopeEmail, oauth.ScopeProfile}
}

const (
	maxID     = 32
	maxIssuer = 255
	maxDomain = 253
	maxLabel  = 63
)

// ValidID reports whether id can be the id of an upstream, which is in the path of its
// callback: 1 to 32 lower-case letters, digits and "-".
func ValidID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// discovery begins the path of an issuer's metadata. It is not part of the issuer (OpenID
// Connect Discovery §4).
const discovery = "/.well-known/"

// CheckIssuer returns an error when the issuer is not valid for an upstream of a type. An
// issuer is compared byte by byte, so it must have the exact spelling of its owner: https,
// or http on this machine, in the canonical spelling of a URL, without a query (OpenID
// Connect Discovery §3). That of GitHub has no path either.
func CheckIssuer(kind, issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case len(issuer) > maxIssuer:
		return fmt.Errorf("is longer than %d bytes", maxIssuer)
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("is not a URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())):
		return errors.New("is neither https nor http on a loopback host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		return errors.New("has a user, a query or a fragment")
	case strings.Contains(u.Path, discovery):
		return errors.New("is the address of its metadata; leave out the path from /.well-known on")
	case u.String() != issuer || strings.HasSuffix(u.Host, ":") || u.Host != strings.ToLower(u.Host) || !validHost(u.Hostname()):
		return errors.New("is not in the usual spelling")
	case kind == TypeGitHub && u.Path != "":
		return errors.New("has a path, which that of a GitHub server has not")
	case kind == TypeGoogle && issuer != GoogleIssuer:
		return errors.New("is not that of Google")
	}
	return nil
}

// Loopback reports whether a host is this machine, where http is as safe as https.
func Loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

func validHost(host string) bool {
	return host == "::1" || host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	})
}

// ValidDomain reports whether domain can follow the "@" of a mail address: lower case, with
// at least one dot. A domain does not include its subdomains.
func ValidDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	return len(domain) <= maxDomain && len(labels) > 1 && !slices.ContainsFunc(labels, func(label string) bool {
		return label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' || !validHost(label)
	})
}

// Admits reports whether a verified mail address is in one of the domains of the upstream.
// The caller must know that the address is verified.
func (u *Upstream) Admits(email string) bool {
	at := strings.LastIndexByte(email, '@')
	return at > 0 && slices.Contains(u.Domains, strings.ToLower(email[at+1:]))
}

func known(words []string, word string) bool { return slices.Contains(words, word) }
