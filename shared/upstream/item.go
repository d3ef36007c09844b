package upstream

import (
	"fmt"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of an item. A new attribute is optional and its absence has the
// meaning written here, so that old items work with new code.
const (
	// PK is the partition of all upstreams. SKPrefix begins their sort keys: an id alone
	// could equal the sort key of another kind of item, such as "user".
	PK       = contract.UpstreamPartition
	SKPrefix = string(contract.UpstreamPrefix)

	attrRevision = "rev"
	attrID       = "id"
	attrName     = "name"
	attrType     = "type"
	attrIssuer   = "issuer"
	attrClient   = "client"
	attrScopes   = "scopes"        // absent: none
	attrFirst    = "first_sign_in" // absent: FirstInvitation
	attrDomains  = "domains"       // absent: none
	attrDisabled = "disabled"      // absent: false
)

// Key is the primary key of an upstream's item.
func Key(id string) dynamo.Item { return dynamo.Key(PK, SKPrefix+id) }

// Encode returns the item of an upstream.
func Encode(u *Upstream) dynamo.Item {
	it := Key(u.ID)
	it[attrRevision] = dynamo.Number(u.Revision)
	it[attrID] = dynamo.Text(u.ID)
	it.PutText(attrName, u.Name)
	it.PutText(attrType, u.Type)
	it.PutText(attrIssuer, u.Issuer)
	it.PutText(attrClient, u.ClientID)
	it.PutTexts(attrScopes, u.Scopes)
	if u.FirstSignIn != FirstInvitation {
		it.PutText(attrFirst, u.FirstSignIn)
	}
	it.PutTexts(attrDomains, u.Domains)
	it.PutFlag(attrDisabled, u.Disabled)
	return it
}

// Decode parses the output of [Encode], including what later releases added to it. It
// returns an error for an attribute of the wrong type, and for a type or a rule that this
// release does not know: an unknown rule must not sign a user in.
func Decode(it dynamo.Item) (*Upstream, error) {
	r := dynamo.Reader{Item: it}
	u := &Upstream{
		ID: r.Text(attrID), Name: r.Text(attrName), Type: r.Text(attrType),
		Issuer: r.Text(attrIssuer), ClientID: r.Text(attrClient), Scopes: r.Texts(attrScopes),
		FirstSignIn: r.Text(attrFirst), Domains: r.Texts(attrDomains),
		Disabled: r.Flag(attrDisabled), Revision: r.Number(attrRevision),
	}
	if u.FirstSignIn == "" {
		u.FirstSignIn = FirstInvitation
	}
	if !ValidID(u.ID) || r.Text(contract.SK) != SKPrefix+u.ID {
		r.Fail(attrID)
	}
	if !known(Types, u.Type) {
		r.Fail(attrType)
	}
	if CheckIssuer(u.Type, u.Issuer) != nil {
		r.Fail(attrIssuer)
	}
	if u.Name == "" {
		r.Fail(attrName)
	}
	if u.ClientID == "" {
		r.Fail(attrClient)
	}
	if !known(Rules, u.FirstSignIn) {
		r.Fail(attrFirst)
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("upstream %q in the registry: %w", u.ID, r.Err())
	}
	return u, nil
}
