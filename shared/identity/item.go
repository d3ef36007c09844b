package identity

import (
	"fmt"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of a user's two items. A new attribute is optional and its absence has
// the meaning written here, so that old items work with new code.
const (
	skName = "username" // the sort key of the name item

	// The attributes that the packages below write too, in addition to those of
	// package dynamo.
	AttrPassword = "password" // PHC string; absent: cannot sign in with a password
	AttrOTP      = "otp"      // absent: false

	attrSubject  = "id"
	attrUserName = "user_name"
	attrName     = "name"           // absent: no name
	attrEmail    = "email"          // absent: no e-mail address
	attrVerified = "email_verified" // absent: false
	attrOwner    = "user"           // of the name item: the subject
)

// NameKey returns the primary key of the name item, the same in upper and lower case.
func NameKey(userName string) dynamo.Item {
	return dynamo.Key(contract.UserNamePrefix.Of(strings.ToLower(userName)), skName)
}

// Encode returns the user item without the attributes that a registry file does not
// contain: the password, the flag of the authenticator app and the counters. Those are
// written one by one.
func Encode(u *User) dynamo.Item {
	it := dynamo.UserKey(u.Subject)
	it[dynamo.AttrRevision] = dynamo.Number(u.Revision)
	it[attrSubject] = dynamo.Text(u.Subject)
	it[attrUserName] = dynamo.Text(u.UserName)
	it.PutText(attrName, u.Name)
	it.PutText(attrEmail, u.Email)
	it.PutFlag(attrVerified, u.Email != "" && u.EmailVerified)
	it.PutFlag(dynamo.AttrDisabled, u.Disabled)
	return it
}

// EncodeName returns the name item.
func EncodeName(u *User) dynamo.Item {
	it := NameKey(u.UserName)
	it[attrOwner] = dynamo.Text(u.Subject)
	return it
}

// Decode reads a user item. An attribute of the wrong type is an error: a disabled user
// must not be signed in because the attribute cannot be read.
func Decode(it dynamo.Item) (*User, error) {
	r := dynamo.Reader{Item: it}
	u := &User{
		Subject: it.Text(attrSubject), UserName: it.Text(attrUserName),
		Name: it.Text(attrName), Email: it.Text(attrEmail),
		Disabled: r.Flag(dynamo.AttrDisabled), EmailVerified: r.Flag(attrVerified),
		Revision: r.Number(dynamo.AttrRevision),
	}
	if u.Revision == 0 {
		r.Fail(dynamo.AttrRevision)
	}
	u.AuthGen, u.OTP, u.Credentials = r.Number(dynamo.AttrAuthGen), r.Flag(AttrOTP), r.Number(dynamo.AttrCredentials)
	if u.Subject == "" || u.UserName == "" {
		r.Fail(attrUserName)
	}
	if _, has := it[AttrPassword]; has {
		var ok bool
		if u.password, ok = parseRecord(it.Text(AttrPassword)); !ok {
			r.Fail(AttrPassword)
		}
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("user %q in the registry: %w", u.Subject, r.Err())
	}
	return u, nil
}
