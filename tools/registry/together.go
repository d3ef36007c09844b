package registry

import (
	"slices"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// together reports fields of a client that are valid alone and invalid in
// combination, each at the field that needs another one.
func (p *parsing) together(at places, c *client.Client) {
	fail := func(field, format string, args ...any) {
		n := at[field]
		if n == nil {
			n = at["client"]
		}
		p.fail(n, "client "+format, args...)
	}
	if c.Absolute > 0 && c.Idle > c.Absolute {
		fail("client", "has an idle time of %s, longer than its absolute one of %s", short(c.Idle), short(c.Absolute))
	}
	checkProof(fail, at, c)
	checkGrants(fail, c)
	checkPeople(fail, c)
	checkExchanges(fail, c)
}

// fails reports a mistake of a client at one of its fields.
type fails func(field, format string, args ...any)

// checkProof checks how a client authenticates. A client with private_key_jwt has no
// secret, which could be stolen beside its key. A public client cannot use a grant
// that needs client authentication.
func checkProof(fail fails, at places, c *client.Client) {
	signs := slices.Contains(c.AuthMethods, oauth.PrivateKeyJWT)
	_, keys := at["jwks"]
	switch {
	case c.Public() && len(c.AuthMethods) > 1:
		fail("auth_methods", "has the auth method %q and others; it has a secret or it has none", oauth.AuthNone)
	case signs && len(c.AuthMethods) > 1:
		fail("auth_methods", "has the auth method %q and others; a client with a key sends no secret", oauth.PrivateKeyJWT)
	case signs && !keys:
		fail("auth_methods", "has the auth method %q and no jwks", oauth.PrivateKeyJWT)
	case !signs && keys:
		fail("jwks", "has jwks and not the auth method %q", oauth.PrivateKeyJWT)
	case !signs && c.AssertionAlgorithm != "":
		fail("token_endpoint_auth_signing_alg", "has a token_endpoint_auth_signing_alg and not the auth method %q", oauth.PrivateKeyJWT)
	}
	if len(c.Secrets) > 0 && len(c.AuthMethods) == 1 && !c.UsesSecret() {
		fail("secrets", "has secrets and the auth method %q", c.AuthMethods[0])
	}
	if !c.Public() {
		return
	}
	for _, grant := range []string{oauth.GrantClientCredentials, oauth.GrantTokenExchange} {
		if c.MayUse(grant) {
			fail("grants", "has the grant %s and no secret to authenticate with", grant)
		}
	}
	if len(c.Introspects) > 0 {
		fail("introspects", "introspects and has no secret to authenticate with")
	}
}

// checkGrants checks that a client has the fields that its grants need.
func checkGrants(fail fails, c *client.Client) {
	if c.MayUse(oauth.GrantAuthorizationCode) && len(c.RedirectURIs) == 0 {
		fail("grants", "has the grant %s and no redirect_uris", oauth.GrantAuthorizationCode)
	}
	if c.RequirePAR && !c.MayUse(oauth.GrantAuthorizationCode) {
		fail("require_pushed_authorization_requests", "must push its authorization requests and does not have the grant %s", oauth.GrantAuthorizationCode)
	}
}

// checkPeople checks the identity scopes of a client.
func checkPeople(fail fails, c *client.Client) {
	signsIn := func(grant string) bool {
		return grant == oauth.GrantAuthorizationCode || grant == oauth.GrantDeviceCode || grant == oauth.GrantRefreshToken
	}
	switch {
	case len(c.Identity) == 0:
	case !slices.ContainsFunc(c.Grants, signsIn):
		fail("identity", "has identity scopes and no grant with which users sign in")
	case slices.Contains(c.Identity, oauth.ScopeOfflineAccess) && !c.MayUse(oauth.GrantRefreshToken):
		fail("identity", "has the scope %s and does not have the grant %s", oauth.ScopeOfflineAccess, oauth.GrantRefreshToken)
	}
	if c.IDTokenAlgorithm != "" && !slices.Contains(c.Identity, oauth.ScopeOpenID) {
		fail("id_token_signed_response_alg", "has an id_token_signed_response_alg and does not have the identity scope %s, which is needed for an id token", oauth.ScopeOpenID)
	}
}

// checkExchanges checks token exchange (RFC 8693). A client that needs consent must
// not exchange: the user would consent to one audience, and the new token would be
// valid at another.
func checkExchanges(fail fails, c *client.Client) {
	exchanges := c.MayUse(oauth.GrantTokenExchange)
	if exchanges && !c.FirstParty {
		fail("grants", "has the grant %s and is not first_party", oauth.GrantTokenExchange)
	}
	if len(c.Exchanges) > 0 && !exchanges {
		fail("exchanges", "has exchanges and does not have the grant %s", oauth.GrantTokenExchange)
	}
	for _, resource := range c.Exchanges {
		if _, ok := c.Scopes(resource); !ok {
			fail("exchanges", "may exchange tokens for %s and has no access there", resource)
		}
	}
}
