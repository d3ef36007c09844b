// Package client knows who may ask Tipstaff for a token, and for what.
//
// A client is a program that was registered with an authorization server (RFC
// 6749 §2). It proves itself with a secret, it may use some grant types, and
// for each resource it may ask for some scopes and no others. A resource is a
// protected API, named by the URI that stands in a token's audience (RFC 8707);
// it decides with which algorithm and for how long its tokens are signed.
//
// Both live in the registry table, one item each, and are written by package
// registry. The functions only read them, through a Store that remembers what
// it read for a few seconds: a warm function authenticates a known client
// without a call to DynamoDB.
package client

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// MaxSecrets is how many secrets a client has at most: the one in use and the
// one that replaces it.
const MaxSecrets = 2

// How long a grant may live and by how much a refresh may come too late. The
// defaults are those of a client that says nothing.
const (
	DefaultIdle     = 14 * 24 * time.Hour
	DefaultAbsolute = 90 * 24 * time.Hour
	DefaultGrace    = 30 * time.Second

	MinIdle     = time.Minute
	MaxAbsolute = 365 * 24 * time.Hour
	MaxGrace    = time.Minute
)

// Client is a registered client. What a Store returns is shared by its callers
// and must not be changed.
type Client struct {
	ID   string
	Name string
	// AuthMethods are the ways in which the client may authenticate, such as
	// oauth.ClientSecretBasic.
	AuthMethods []string
	Secrets     []Secret
	// Grants are the grant types that the client may use.
	Grants []string
	// Access is what the client may ask for. The first entry is the default,
	// for requests that name no resource.
	Access []Access
	// Introspects names the resources whose tokens the client may
	// introspect: a resource server lists itself here.
	Introspects []string
	// RedirectURIs are compared byte by byte (RFC 9700 §2.1).
	RedirectURIs []string
	// Origins are those of the client's pages, which may call us from a
	// browser with its cookies. They are compared byte by byte.
	Origins []string
	// FirstParty clients belong to the operator and need no consent.
	FirstParty bool
	// Idle is how long a grant to the client lives without a refresh, and
	// Absolute how long in any case. Zero is the default when it is stored.
	Idle, Absolute time.Duration
	// Grace is how long after a refresh the token before it still gets the
	// same answer, for a client that cannot prove a secret at each refresh.
	// Zero means never.
	Grace time.Duration
	// Identity is what the client may ask about people, of
	// oauth.IdentityScopes.
	Identity []string
	// PostLogoutURIs are where a sign-out may lead (OIDC RP-Initiated
	// Logout §3.1), compared byte by byte.
	PostLogoutURIs []string
	// BackChannelURI is told when a session ends (OIDC Back-Channel Logout
	// §2.2); empty for a client that does not want to know.
	BackChannelURI string
	// IDTokenAlgorithm signs the client's id tokens, empty for oauth.ES256.
	IDTokenAlgorithm string
	// RequirePAR refuses authorization requests that were not pushed (RFC
	// 9126 §6), RequireDPoP token requests without a proof (RFC 9449 §5.2),
	// and DPoPNonce proofs without a nonce of ours (§8).
	RequirePAR, RequireDPoP, DPoPNonce bool
	// KeySet is a JSON Web Key Set of the public keys with which the client
	// signs who it is, by AssertionAlgorithm.
	KeySet             json.RawMessage
	AssertionAlgorithm string
	// Exchanges are the resources for which the client may exchange the
	// tokens of others (RFC 8693).
	Exchanges []string
	// SelfRegistered says that nobody vouches for the client: it registered
	// itself, or its metadata document did. It is not stored.
	SelfRegistered bool
	// Disabled clients keep their registration and get nothing.
	Disabled bool
	// Revision counts the writes of this client, from 1.
	Revision int64
}

// Access is one resource of a client, with the scopes it may ask for there.
// Resource is as in Resource.ID.
type Access struct {
	Resource string
	Scopes   []string
}

// Secret is what we keep of a client secret. The secret itself has 256 bits, so
// that a fast hash is enough; see NewSecret.
type Secret struct {
	// ID names the secret to people, see SecretID.
	ID     string
	SHA256 [32]byte
	// NotAfter ends the secret, zero means never.
	NotAfter time.Time
}

// DefaultResource is the resource of a request that names none, empty when the
// client has access to nothing.
func (c *Client) DefaultResource() string {
	if len(c.Access) == 0 {
		return ""
	}
	return c.Access[0].Resource
}

// Scopes returns what the client may ask for at a resource, and whether it may
// ask for anything there at all.
func (c *Client) Scopes(resource string) ([]string, bool) {
	for _, a := range c.Access {
		if a.Resource == resource {
			return a.Scopes, true
		}
	}
	return nil, false
}

// Public reports whether the client has no secret to prove itself with (RFC 6749
// §2.1).
func (c *Client) Public() bool { return slices.Contains(c.AuthMethods, oauth.AuthNone) }

// UsesSecret reports whether the client proves itself with a secret that we
// gave it.
func (c *Client) UsesSecret() bool {
	return slices.ContainsFunc(c.AuthMethods, func(m string) bool { return m == oauth.ClientSecretBasic || m == oauth.ClientSecretPost })
}

// MayUse reports whether the client may use a grant type.
func (c *Client) MayUse(grant string) bool { return slices.Contains(c.Grants, grant) }

// MayIntrospect reports whether the client may introspect the tokens of a
// resource.
func (c *Client) MayIntrospect(resource string) bool { return slices.Contains(c.Introspects, resource) }

// MayExchange reports whether the client may exchange a token for one that is
// good at a resource.
func (c *Client) MayExchange(resource string) bool { return slices.Contains(c.Exchanges, resource) }

// ValidID reports whether id can be the id of a client: 1 to 64 letters,
// digits, "_" and "-". In these the Basic credentials of clients that
// percent-encode (RFC 6749 §2.3.1) and of those that do not are the same.
func ValidID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !alphanumeric(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
