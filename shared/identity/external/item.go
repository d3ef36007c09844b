package external

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of the two items of a link, which have the same attributes. A new
// attribute is optional and its absence has the meaning written here.
const (
	// SK is the sort key of the item that leads from the account to the user.
	SK = "linked"

	attrUser     = "user"
	attrUpstream = "upstream" // absent: none that is known
	attrIssuer   = "issuer"
	attrLabel    = "label"   // absent: none
	attrCreated  = "created" // epoch seconds
)

// maxLabel is the length of the longest label in bytes.
const maxLabel = 200

// AccountKey returns the primary key of the item that leads from an account to its
// user.
func AccountKey(id string) dynamo.Item { return dynamo.Key(contract.ExternalAccountPrefix.Of(id), SK) }

// PersonKey returns the primary key of the item in the partition of the user.
func PersonKey(subject, id string) dynamo.Item {
	return dynamo.Key(contract.UserPrefix.Of(subject), contract.ExternalAccountPrefix.Of(id))
}

func (l *Link) encode(key dynamo.Item) dynamo.Item {
	key[attrUser] = dynamo.Text(l.Subject)
	key.PutText(attrUpstream, l.Upstream)
	key[attrIssuer] = dynamo.Text(l.Issuer)
	key.PutText(attrLabel, l.Label)
	key[attrCreated] = dynamo.Seconds(l.Created)
	return key
}

// decode reads either item of a link.
func decode(it dynamo.Item) (*Link, error) {
	r := dynamo.Reader{Item: it}
	l := &Link{
		Subject: r.Text(attrUser), Upstream: r.Text(attrUpstream), Issuer: r.Text(attrIssuer),
		Label: r.Text(attrLabel), Created: r.Time(attrCreated),
	}
	if r.Text(contract.SK) == SK {
		l.ID = r.After(contract.PK, string(contract.ExternalAccountPrefix))
	} else {
		l.ID = r.After(contract.SK, string(contract.ExternalAccountPrefix))
	}
	if l.Subject == "" {
		r.Fail(attrUser)
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("link %s in the registry: %w", l.ID, r.Err())
	}
	return l, nil
}

// cut makes a label of text from another server: one short line of printable
// characters.
func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	for len(s) > maxLabel {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
