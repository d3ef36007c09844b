// Package client holds the registered clients and resources, and decides which
// client may ask for which token.
//
// # Clients
//
// A client is a program that was registered with an authorization server (RFC
// 6749 §2). It authenticates with a secret or a signed assertion, and it may use
// some grant types. For each resource it may ask for some scopes and no others.
// See [Client].
//
// # Resources
//
// A resource is a protected API. The URI in a token's audience names it (RFC
// 8707). The resource decides which algorithm signs its tokens and how long they
// live. See [Resource].
//
// # Storage
//
// Both live in the registry table, one item each, and package registry writes
// them. The functions only read them, through a [Store] that caches what it read
// for a few seconds: a warm function authenticates a known client without a call
// to DynamoDB.
package client

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// MaxSecrets is how many secrets a client has at most: the current one and its
// replacement.
const MaxSecrets = 2

// The lifetimes of a grant and the grace after a refresh. A client that sets none
// gets the defaults.
const (
	DefaultIdle     = 14 * 24 * time.Hour
	DefaultAbsolute = 90 * 24 * time.Hour
	DefaultGrace    = 30 * time.Second

	MinIdle     = time.Minute
	MaxAbsolute = 365 * 24 * time.Hour
	MaxGrace    = time.Minute
)

// Client is a registered client. The callers of a [Store] share the value that it
// returns and must not change it.
type Client struct {
	ID   string
	Name string
	// AuthMethods are the ways in which the client may authenticate, such as
	// oauth.ClientSecretBasic.
	AuthMethods []string
	Secrets     []Secret
	// Grants are the grant types that the client may use.
	Grants []string
	// Access lists the resources that the client may ask for. The first entry
	// is the default, for requests that name no resource.
	Access []Access
	// Introspects lists the resources for which the client may introspect
	// tokens. A resource server lists itself here.
	Introspects []string
	// RedirectURIs are compared byte by byte (RFC 9700 §2.1).
	RedirectURIs []string
	// Origins are the origins of the client's pages, which may call us from a
	// browser with its cookies. They are compared byte by byte.
	Origins []string
	// FirstParty reports that the client belongs to the operator. It needs no consent.
	FirstParty bool
	// Idle is how long a grant to the client lives without a refresh. Absolute
	// is how long it lives at most. Storage replaces zero by the default.
	Idle, Absolute time.Duration
	// Grace is how long after a refresh the previous refresh token still gets
	// the same answer. It serves clients that do not authenticate with a
	// secret at each refresh. Zero means never.
	Grace time.Duration
	// Identity lists the identity scopes that the client may ask for, a subset
	// of oauth.IdentityScopes.
	Identity []string
	// PostLogoutURIs are the URIs that a sign-out may redirect to (OIDC
	// RP-Initiated Logout §3.1), compared byte by byte.
	PostLogoutURIs []string
	// BackChannelURI receives a logout token when a session ends (OIDC
	// Back-Channel Logout §2.2). It is empty for a client that wants none.
	BackChannelURI string
	// IDTokenAlgorithm signs the client's id tokens. Empty means oauth.ES256.
	IDTokenAlgorithm string
	// RequirePAR refuses authorization requests that were not pushed (RFC
	// 9126 §6), RequireDPoP token requests without a proof (RFC 9449 §5.2),
	// and DPoPNonce proofs without a nonce of ours (§8).
	RequirePAR, RequireDPoP, DPoPNonce bool
	// KeySet is a JSON Web Key Set of the public keys for private_key_jwt. The
	// client signs its assertions with AssertionAlgorithm.
	KeySet             json.RawMessage
	AssertionAlgorithm string
	// Exchanges lists the resources for which the client may exchange the
	// tokens of other clients (RFC 8693).
	Exchanges []string
	// SelfRegistered reports that no operator vouches for the client: it
	// registered itself (RFC 7591) or has a metadata document. It is not stored.
	SelfRegistered bool
	// Disabled clients keep their registration and get no tokens.
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

// Secret is the stored form of a client secret. The secret itself has 256 random
// bits, so a fast hash is enough. See [NewSecret].
type Secret struct {
	// ID names the secret in listings, see [SecretID].
	ID     string
	SHA256 [32]byte
	// NotAfter is when the secret expires. Zero means never.
	NotAfter time.Time
}

// DefaultResource returns the resource of a request that names none. It is empty
// when the client has access to nothing.
func (c *Client) DefaultResource() string {
	if len(c.Access) == 0 {
		return ""
	}
	return c.Access[0].Resource
}

// Scopes returns the scopes that the client may ask for at a resource, and whether
// the client has access to the resource at all.
func (c *Client) Scopes(resource string) ([]string, bool) {
	for _, a := range c.Access {
		if a.Resource == resource {
			return a.Scopes, true
		}
	}
	return nil, false
}

// Public reports whether the client is a public client, which has no credentials
// (RFC 6749 §2.1).
func (c *Client) Public() bool { return slices.Contains(c.AuthMethods, oauth.AuthNone) }

// UsesSecret reports whether the client authenticates with a secret that we
// issued.
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

// ValidID reports whether id can be a client id: 1 to 64 letters, digits, "_" and
// "-". With these characters the Basic credentials of clients that percent-encode
// (RFC 6749 §2.3.1) equal those of clients that do not.
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
