package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// The layout of the items. A new attribute is optional and its absence has the
// meaning written here, so that old items work with new code.
const (
	// SKClient and SKResource are the sort keys.
	SKClient   = "client"
	SKResource = "resource"

	attrRevision  = "rev"         // absent: 0, never written by package registry
	attrName      = "name"        // absent: no name
	attrMethods   = "methods"     // absent: the client cannot authenticate
	attrSecrets   = "secrets"     // absent: no secret
	attrGrants    = "grants"      // absent: no grant
	attrAccess    = "access"      // absent: access to nothing
	attrInspects  = "introspects" // absent: introspects nothing
	attrRedirects = "redirects"   // absent: no redirect URI
	attrOrigins   = "origins"     // absent: no origin
	attrFirst     = "first_party" // absent: false
	attrIdle      = "idle"        // seconds; absent: DefaultIdle
	attrAbsolute  = "absolute"    // seconds; absent: DefaultAbsolute
	attrGrace     = "grace"       // seconds; absent: DefaultGrace
	attrDisabled  = "disabled"    // absent: false

	attrIdentity   = "identity"    // absent: nothing
	attrPostLogout = "post_logout" // absent: no URI
	attrBack       = "backchannel" // absent: no logout tokens
	attrIDAlg      = "id_alg"      // absent: oauth.ES256
	attrPAR        = "par"         // absent: false
	attrDPoP       = "dpop"        // absent: false
	attrNonce      = "dpop_nonce"  // absent: false
	attrKeySet     = "jwks"        // absent: no key
	attrAssertion  = "assert_alg"  // absent: none
	attrExchanges  = "exchanges"   // absent: no resource

	attrSelf = "self_registered" // absent: no scope

	attrAlgorithm = "alg"      // absent: oauth.ES256
	attrLifetime  = "lifetime" // seconds; absent: DefaultLifetime
	attrScopes    = "scopes"   // absent: no scope

	attrID       = "id"
	attrHash     = "sha256"
	attrNotAfter = "exp" // epoch seconds; absent: never
	attrResource = "resource"
	attrText     = "text" // absent: no description
)

// ClientKey is the primary key of a client's item.
func ClientKey(id string) dynamo.Item { return dynamo.Key(contract.ClientPrefix.Of(id), SKClient) }

// ResourceKey is the primary key of a resource's item.
func ResourceKey(id string) dynamo.Item {
	return dynamo.Key(contract.ResourcePrefix.Of(id), SKResource)
}

// EncodeClient returns the item of a client.
func EncodeClient(c *Client) dynamo.Item {
	it := ClientKey(c.ID)
	it[attrRevision] = dynamo.Number(c.Revision)
	it[attrID] = dynamo.Text(c.ID)
	it.PutText(attrName, c.Name)
	it.PutTexts(attrMethods, c.AuthMethods)
	it.PutTexts(attrGrants, c.Grants)
	it.PutTexts(attrInspects, c.Introspects)
	it.PutTexts(attrRedirects, c.RedirectURIs)
	it.PutTexts(attrOrigins, c.Origins)
	it.PutFlag(attrFirst, c.FirstParty)
	putSpan(it, attrIdle, cmp.Or(c.Idle, DefaultIdle), DefaultIdle)
	putSpan(it, attrAbsolute, cmp.Or(c.Absolute, DefaultAbsolute), DefaultAbsolute)
	putSpan(it, attrGrace, c.Grace, DefaultGrace)
	it.PutFlag(attrDisabled, c.Disabled)
	it.PutTexts(attrIdentity, c.Identity)
	it.PutTexts(attrPostLogout, c.PostLogoutURIs)
	it.PutText(attrBack, c.BackChannelURI)
	it.PutText(attrIDAlg, c.IDTokenAlgorithm)
	it.PutFlag(attrPAR, c.RequirePAR)
	it.PutFlag(attrDPoP, c.RequireDPoP)
	it.PutFlag(attrNonce, c.DPoPNonce)
	it.PutText(attrKeySet, string(c.KeySet))
	it.PutText(attrAssertion, c.AssertionAlgorithm)
	it.PutTexts(attrExchanges, c.Exchanges)
	dynamo.PutMaps(it, attrSecrets, c.Secrets, func(s Secret) dynamo.Item {
		m := dynamo.Item{attrID: dynamo.Text(s.ID), attrHash: dynamo.Bytes(s.SHA256[:])}
		if !s.NotAfter.IsZero() {
			m[attrNotAfter] = dynamo.Seconds(s.NotAfter)
		}
		return m
	})
	dynamo.PutMaps(it, attrAccess, c.Access, func(a Access) dynamo.Item {
		m := dynamo.Item{attrResource: dynamo.Text(a.Resource)}
		m.PutTexts(attrScopes, a.Scopes)
		return m
	})
	return it
}

// DecodeClient parses the output of [EncodeClient], including what later releases
// added to it. It returns an error for an attribute of the wrong type.
func DecodeClient(it dynamo.Item) (*Client, error) {
	r := dynamo.Reader{Item: it}
	c := &Client{
		ID:           r.Text(attrID),
		Name:         r.Text(attrName),
		AuthMethods:  r.Texts(attrMethods),
		Grants:       r.Texts(attrGrants),
		Introspects:  r.Texts(attrInspects),
		RedirectURIs: r.Texts(attrRedirects),
		Origins:      r.Texts(attrOrigins),
		FirstParty:   r.Flag(attrFirst),
		Idle:         span(&r, attrIdle, DefaultIdle, MinIdle, MaxAbsolute),
		Absolute:     span(&r, attrAbsolute, DefaultAbsolute, MinIdle, MaxAbsolute),
		Grace:        span(&r, attrGrace, DefaultGrace, 0, MaxGrace),
		Disabled:     r.Flag(attrDisabled),
		Revision:     r.Number(attrRevision),

		Identity:       r.Texts(attrIdentity),
		PostLogoutURIs: r.Texts(attrPostLogout), BackChannelURI: r.Text(attrBack),
		IDTokenAlgorithm: r.Text(attrIDAlg),
		RequirePAR:       r.Flag(attrPAR), RequireDPoP: r.Flag(attrDPoP), DPoPNonce: r.Flag(attrNonce),
		AssertionAlgorithm: r.Text(attrAssertion),
		Exchanges:          r.Texts(attrExchanges),
	}
	if set := r.Text(attrKeySet); set != "" {
		c.KeySet = json.RawMessage(set)
	}
	r.Maps(attrSecrets, func(m *dynamo.Reader) {
		s := Secret{ID: m.Text(attrID)}
		hash := m.Bytes(attrHash)
		if copy(s.SHA256[:], hash); len(hash) != len(s.SHA256) {
			m.Fail(attrHash)
		}
		s.NotAfter = m.Time(attrNotAfter)
		c.Secrets = append(c.Secrets, s)
	})
	r.Maps(attrAccess, func(m *dynamo.Reader) {
		c.Access = append(c.Access, Access{Resource: m.Text(attrResource), Scopes: m.Texts(attrScopes)})
	})
	if c.ID == "" {
		r.Fail(attrID)
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("client %q in the registry: %w", c.ID, r.Err())
	}
	return c, nil
}

// EncodeResource returns the item of a resource.
func EncodeResource(r *Resource) dynamo.Item {
	it := ResourceKey(r.ID)
	it[attrRevision] = dynamo.Number(r.Revision)
	it[attrID] = dynamo.Text(r.ID)
	it.PutText(attrName, r.Name)
	it.PutText(attrAlgorithm, r.Algorithm)
	if r.Lifetime != 0 {
		it[attrLifetime] = dynamo.Number(int64(r.Lifetime / time.Second))
	}
	it.PutTexts(attrSelf, r.SelfRegistered)
	dynamo.PutMaps(it, attrScopes, r.Scopes, func(s Scope) dynamo.Item {
		m := dynamo.Item{attrID: dynamo.Text(s.Name)}
		m.PutText(attrText, s.Description)
		return m
	})
	return it
}

// DecodeResource parses the output of [EncodeResource], including what later
// releases added to it. It returns an error for an attribute of the wrong type and
// for a lifetime above MaxLifetime.
func DecodeResource(it dynamo.Item) (*Resource, error) {
	r := dynamo.Reader{Item: it}
	res := &Resource{
		ID:        r.Text(attrID),
		Name:      r.Text(attrName),
		Algorithm: r.Text(attrAlgorithm),
		Revision:  r.Number(attrRevision),
		Lifetime:  DefaultLifetime,

		SelfRegistered: r.Texts(attrSelf),
	}
	if res.Algorithm == "" {
		res.Algorithm = oauth.ES256
	}
	if _, ok := it[attrLifetime]; ok {
		seconds := r.Number(attrLifetime)
		if seconds <= 0 || seconds > int64(MaxLifetime/time.Second) {
			r.Fail(attrLifetime)
		}
		res.Lifetime = time.Duration(seconds) * time.Second
	}
	r.Maps(attrScopes, func(m *dynamo.Reader) {
		res.Scopes = append(res.Scopes, Scope{Name: m.Text(attrID), Description: m.Text(attrText)})
	})
	if res.ID == "" {
		r.Fail(attrID)
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("resource %q in the registry: %w", res.ID, r.Err())
	}
	return res, nil
}
