package client

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
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

	attrAlgorithm = "alg"      // absent: oauth.ES256
	attrLifetime  = "lifetime" // seconds; absent: DefaultLifetime
	attrScopes    = "scopes"   // absent: no scope

	attrID       = "id"
	attrHash     = "sha256"
	attrNotAfter = "exp" // epoch seconds; absent: never
	attrResource = "resource"
	attrText     = "text" // absent: no description
)

type item = map[string]types.AttributeValue

// ClientKey is the primary key of a client's item.
func ClientKey(id string) map[string]types.AttributeValue { return key("client#"+id, SKClient) }

// ResourceKey is the primary key of a resource's item.
func ResourceKey(id string) map[string]types.AttributeValue { return key("resource#"+id, SKResource) }

func key(pk, sk string) item { return item{contract.PK: text(pk), contract.SK: text(sk)} }

// EncodeClient returns the item of a client.
func EncodeClient(c *Client) map[string]types.AttributeValue {
	it := ClientKey(c.ID)
	it[attrRevision] = number(c.Revision)
	it[attrID] = text(c.ID)
	putText(it, attrName, c.Name)
	putTexts(it, attrMethods, c.AuthMethods)
	putTexts(it, attrGrants, c.Grants)
	putTexts(it, attrInspects, c.Introspects)
	putTexts(it, attrRedirects, c.RedirectURIs)
	putTexts(it, attrOrigins, c.Origins)
	putFlag(it, attrFirst, c.FirstParty)
	putSpan(it, attrIdle, cmp.Or(c.Idle, DefaultIdle), DefaultIdle)
	putSpan(it, attrAbsolute, cmp.Or(c.Absolute, DefaultAbsolute), DefaultAbsolute)
	putSpan(it, attrGrace, c.Grace, DefaultGrace)
	putFlag(it, attrDisabled, c.Disabled)
	putMaps(it, attrSecrets, c.Secrets, func(s Secret) item {
		m := item{attrID: text(s.ID), attrHash: &types.AttributeValueMemberB{Value: s.SHA256[:]}}
		if !s.NotAfter.IsZero() {
			m[attrNotAfter] = number(s.NotAfter.Unix())
		}
		return m
	})
	putMaps(it, attrAccess, c.Access, func(a Access) item {
		m := item{attrResource: text(a.Resource)}
		putTexts(m, attrScopes, a.Scopes)
		return m
	})
	return it
}

// DecodeClient reads what EncodeClient wrote, and what later releases added to
// it. An attribute of the wrong type is an error.
func DecodeClient(it map[string]types.AttributeValue) (*Client, error) {
	r := reader{it: it}
	c := &Client{
		ID:           r.text(attrID),
		Name:         r.text(attrName),
		AuthMethods:  r.texts(attrMethods),
		Grants:       r.texts(attrGrants),
		Introspects:  r.texts(attrInspects),
		RedirectURIs: r.texts(attrRedirects),
		Origins:      r.texts(attrOrigins),
		FirstParty:   r.flag(attrFirst),
		Idle:         r.span(attrIdle, DefaultIdle, MinIdle, MaxAbsolute),
		Absolute:     r.span(attrAbsolute, DefaultAbsolute, MinIdle, MaxAbsolute),
		Grace:        r.span(attrGrace, DefaultGrace, 0, MaxGrace),
		Disabled:     r.flag(attrDisabled),
		Revision:     r.number(attrRevision),
	}
	r.maps(attrSecrets, func(m *reader) {
		s := Secret{ID: m.text(attrID)}
		hash := m.bytes(attrHash)
		if copy(s.SHA256[:], hash); len(hash) != len(s.SHA256) {
			m.fail(attrHash)
		}
		if exp := m.number(attrNotAfter); exp != 0 {
			s.NotAfter = time.Unix(exp, 0).UTC()
		}
		c.Secrets = append(c.Secrets, s)
	})
	r.maps(attrAccess, func(m *reader) {
		c.Access = append(c.Access, Access{Resource: m.text(attrResource), Scopes: m.texts(attrScopes)})
	})
	if c.ID == "" {
		r.fail(attrID)
	}
	if r.err != nil {
		return nil, fmt.Errorf("client %q in the registry: %w", c.ID, r.err)
	}
	return c, nil
}

// EncodeResource returns the item of a resource.
func EncodeResource(r *Resource) map[string]types.AttributeValue {
	it := ResourceKey(r.ID)
	it[attrRevision] = number(r.Revision)
	it[attrID] = text(r.ID)
	putText(it, attrName, r.Name)
	putText(it, attrAlgorithm, r.Algorithm)
	if r.Lifetime != 0 {
		it[attrLifetime] = number(int64(r.Lifetime / time.Second))
	}
	putMaps(it, attrScopes, r.Scopes, func(s Scope) item {
		m := item{attrID: text(s.Name)}
		putText(m, attrText, s.Description)
		return m
	})
	return it
}

// DecodeResource reads what EncodeResource wrote, and what later releases added
// to it. An attribute of the wrong type is an error, and so is a lifetime above
// MaxLifetime.
func DecodeResource(it map[string]types.AttributeValue) (*Resource, error) {
	r := reader{it: it}
	res := &Resource{
		ID:        r.text(attrID),
		Name:      r.text(attrName),
		Algorithm: r.text(attrAlgorithm),
		Revision:  r.number(attrRevision),
		Lifetime:  DefaultLifetime,
	}
	if res.Algorithm == "" {
		res.Algorithm = oauth.ES256
	}
	if _, ok := it[attrLifetime]; ok {
		seconds := r.number(attrLifetime)
		if seconds <= 0 || seconds > int64(MaxLifetime/time.Second) {
			r.fail(attrLifetime)
		}
		res.Lifetime = time.Duration(seconds) * time.Second
	}
	r.maps(attrScopes, func(m *reader) {
		res.Scopes = append(res.Scopes, Scope{Name: m.text(attrID), Description: m.text(attrText)})
	})
	if res.ID == "" {
		r.fail(attrID)
	}
	if r.err != nil {
		return nil, fmt.Errorf("resource %q in the registry: %w", res.ID, r.err)
	}
	return res, nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
