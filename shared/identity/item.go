package identity

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// The layout of a person's two items. A new attribute is optional and its
// absence has the meaning written here, so that old items work with new code.
const (
	// SKUser and SKName are the sort keys.
	SKUser = "user"
	SKName = "username"

	// The attributes that others write too. They are not reserved words of
	// DynamoDB's expressions and need no placeholder.
	AttrRevision = "rev"
	AttrDisabled = "disabled" // absent: false
	AttrPassword = "password" // PHC string; absent: cannot sign in with a password
	AttrAuthGen  = "auth_gen" // absent: 0

	attrSubject  = "id"
	attrUserName = "user_name"
	attrName     = "name"  // absent: no name
	attrEmail    = "email" // absent: no e-mail address
	attrOwner    = "user"  // of the name item: the subject
)

type item = map[string]types.AttributeValue

// Key is the primary key of the user item.
func Key(subject string) map[string]types.AttributeValue { return key("user#"+subject, SKUser) }

// NameKey is the primary key of the name item, the same in upper and lower
// case.
func NameKey(userName string) map[string]types.AttributeValue {
	return key("username#"+strings.ToLower(userName), SKName)
}

func key(pk, sk string) item { return item{contract.PK: text(pk), contract.SK: text(sk)} }

// Encode returns the user item without what a registry file does not speak of:
// the password and AuthGen, which are written by attribute.
func Encode(u *User) map[string]types.AttributeValue {
	it := Key(u.Subject)
	it[AttrRevision] = number(u.Revision)
	it[attrSubject] = text(u.Subject)
	it[attrUserName] = text(u.UserName)
	if u.Name != "" {
		it[attrName] = text(u.Name)
	}
	if u.Email != "" {
		it[attrEmail] = text(u.Email)
	}
	if u.Disabled {
		it[AttrDisabled] = &types.AttributeValueMemberBOOL{Value: true}
	}
	return it
}

// EncodeName returns the name item.
func EncodeName(u *User) map[string]types.AttributeValue {
	it := NameKey(u.UserName)
	it[attrOwner] = text(u.Subject)
	return it
}

// Decode reads a user item. An attribute of the wrong type is an error: whoever
// is disabled must not be let in because we cannot read it.
func Decode(it map[string]types.AttributeValue) (*User, error) {
	u := &User{
		Subject: textOf(it, attrSubject), UserName: textOf(it, attrUserName),
		Name: textOf(it, attrName), Email: textOf(it, attrEmail),
	}
	malformed := func(attribute string) error {
		return fmt.Errorf("user %q in the registry: attribute %s is not what it should be", u.Subject, attribute)
	}
	var ok bool
	if u.Disabled, ok = flagOf(it, AttrDisabled); !ok {
		return nil, malformed(AttrDisabled)
	}
	if u.Revision, ok = numberOf(it, AttrRevision); !ok || u.Revision == 0 {
		return nil, malformed(AttrRevision)
	}
	if u.AuthGen, ok = numberOf(it, AttrAuthGen); !ok {
		return nil, malformed(AttrAuthGen)
	}
	if u.Subject == "" || u.UserName == "" {
		return nil, malformed(attrUserName)
	}
	if _, has := it[AttrPassword]; has {
		if u.password, ok = parseRecord(textOf(it, AttrPassword)); !ok {
			return nil, malformed(AttrPassword)
		}
	}
	return u, nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(it item, name string) string {
	if s, ok := it[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func flagOf(it item, name string) (value, ok bool) {
	switch v := it[name].(type) {
	case nil:
		return false, true
	case *types.AttributeValueMemberBOOL:
		return v.Value, true
	}
	return false, false
}

func numberOf(it item, name string) (value int64, ok bool) {
	switch v := it[name].(type) {
	case nil:
		return 0, true
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		return n, err == nil
	}
	return 0, false
}
