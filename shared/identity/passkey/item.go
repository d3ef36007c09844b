package passkey

import (
	"fmt"
	"math"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of an item. A new attribute is optional and its absence has the meaning
// written here, so that old items work with new code.
const (
	attrCredential = "cred"
	attrKey        = "key"
	attrCount      = "count"      // absent: 0
	attrFlags      = "flags"      // absent: none
	attrTransports = "transports" // absent: unknown
	attrAAGUID     = "aaguid"     // absent: unknown
	attrName       = "name"       // absent: no name, which is "Passkey"
	attrCreated    = "created"    // absent: unknown
	attrUsed       = "used"       // absent: never
)

func key(subject, id string) dynamo.Item {
	return dynamo.Key(contract.UserPrefix.Of(subject), contract.PasskeyPrefix.Of(id))
}

// Encode returns the item of a passkey.
func Encode(p *Passkey) dynamo.Item {
	it := key(p.Subject, p.ID())
	it[attrCredential] = dynamo.Bytes(p.Credential)
	it[attrKey] = dynamo.Bytes(p.Key)
	it[attrCount] = dynamo.Number(int64(p.Count))
	it[attrFlags] = dynamo.Number(int64(p.Flags))
	it.PutTexts(attrTransports, p.Transports)
	if len(p.AAGUID) > 0 {
		it[attrAAGUID] = dynamo.Bytes(p.AAGUID)
	}
	it.PutText(attrName, p.Name)
	it[attrCreated] = dynamo.Seconds(p.Created)
	if !p.Used.IsZero() {
		it[attrUsed] = dynamo.Seconds(p.Used)
	}
	return it
}

// Decode reads an item. It returns an error for an item without a credential or a key,
// or with an id that is not that of its credential.
func Decode(it dynamo.Item) (*Passkey, error) {
	r := dynamo.Reader{Item: it}
	p := &Passkey{
		Subject: r.After(contract.PK, string(contract.UserPrefix)), Credential: r.Bytes(attrCredential), Key: r.Bytes(attrKey),
		Transports: r.Texts(attrTransports), AAGUID: r.Bytes(attrAAGUID), Name: r.Text(attrName),
		Created: r.Time(attrCreated), Used: r.Time(attrUsed),
	}
	count, flags := r.Number(attrCount), r.Number(attrFlags)
	if count < 0 || count > math.MaxUint32 {
		r.Fail(attrCount)
	}
	if flags < 0 || flags > math.MaxUint8 {
		r.Fail(attrFlags)
	}
	if len(p.Key) == 0 {
		r.Fail(attrKey)
	}
	if len(p.Credential) == 0 || r.After("sk", string(contract.PasskeyPrefix)) != p.ID() {
		r.Fail(attrCredential)
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("passkey of %q in the registry: %w", p.Subject, r.Err())
	}
	p.Count, p.Flags = uint32(count), byte(flags) //nolint:gosec // G115: both are in range
	if p.Name == "" {
		p.Name = unnamed
	}
	return p, nil
}
