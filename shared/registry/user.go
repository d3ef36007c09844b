package registry

import (
	"fmt"
	"net/mail"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// User is a person, as far as a registry file speaks about one: how people
// prove themselves is not its business.
type User struct {
	// Subject is the "sub" of the person's tokens: given at creation, never
	// changed and never given again. A Document does not know it.
	Subject string
	// UserName is what the person types to sign in. Upper and lower case are
	// the same person.
	UserName string
	Name     string
	Email    string
	Disabled bool
	// Revision counts the writes of this user, from 1.
	Revision int64
}

// subjectPrefix begins every subject of a user, so that it is never the id of
// a client, which is the subject of a client's own tokens.
const subjectPrefix = "usr_"

// The layout of a user's two items: the user itself, and one that keeps the
// user name unique and leads to the user.
const (
	skUser     = "user"
	skUserName = "username"

	attrRevision = "rev"
	attrSubject  = "id"
	attrUserName = "user_name"
	attrName     = "name"     // absent: no name
	attrEmail    = "email"    // absent: no e-mail address
	attrDisabled = "disabled" // absent: false
	attrOwner    = "user"     // of the user name item: the subject
)

type item = map[string]types.AttributeValue

func userKey(subject string) item { return key("user#"+subject, skUser) }

func userNameKey(name string) item { return key("username#"+strings.ToLower(name), skUserName) }

func key(pk, sk string) item { return item{contract.PK: text(pk), contract.SK: text(sk)} }

func encodeUser(u *User) item {
	it := userKey(u.Subject)
	it[attrRevision] = number(u.Revision)
	it[attrSubject] = text(u.Subject)
	it[attrUserName] = text(u.UserName)
	if u.Name != "" {
		it[attrName] = text(u.Name)
	}
	if u.Email != "" {
		it[attrEmail] = text(u.Email)
	}
	if u.Disabled {
		it[attrDisabled] = &types.AttributeValueMemberBOOL{Value: true}
	}
	return it
}

func decodeUser(it item) (*User, error) {
	u := &User{
		Subject: textOf(it, attrSubject), UserName: textOf(it, attrUserName),
		Name: textOf(it, attrName), Email: textOf(it, attrEmail),
	}
	if disabled, ok := it[attrDisabled].(*types.AttributeValueMemberBOOL); ok {
		u.Disabled = disabled.Value
	}
	if rev, ok := it[attrRevision].(*types.AttributeValueMemberN); ok {
		u.Revision, _ = strconv.ParseInt(rev.Value, 10, 64)
	}
	if u.Subject == "" || u.UserName == "" || u.Revision == 0 {
		return nil, fmt.Errorf("item %s in the registry is not a user", textOf(it, contract.PK))
	}
	return u, nil
}

func (p *parsing) user(n ast.Node) {
	var u User
	given := false
	ok := p.fields(n, "a user", map[string]func(ast.Node){
		"user_name": func(n ast.Node) { given, u.UserName = true, p.userName(n) },
		"name":      func(n ast.Node) { u.Name = p.label(n, "name") },
		"email":     func(n ast.Node) { u.Email = p.email(n) },
		"disabled":  func(n ast.Node) { u.Disabled = p.flag(n, "disabled") },
	})
	if ok && !given {
		p.fail(n, "user has no user_name")
	}
	p.doc.Users = append(p.doc.Users, u)
}

// userName accepts what has one spelling in every alphabet: a name that looks
// like another one is a way to impersonate.
func (p *parsing) userName(n ast.Node) string {
	s := p.text(n, "user_name")
	if s == "" {
		return ""
	}
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789._@+-"
	if len(s) > 64 || strings.Trim(strings.ToLower(s), allowed) != "" || !ascii(s) {
		p.fail(n, `user_name %q is not 1 to 64 letters, digits, ".", "_", "@", "+" and "-"`, s)
		return ""
	}
	p.unique(n, KindUser, strings.ToLower(s))
	return s
}

func (p *parsing) email(n ast.Node) string {
	s := p.label(n, "email")
	if s == "" {
		return ""
	}
	if address, err := mail.ParseAddress(s); err != nil || address.Address != s {
		p.fail(n, "email %q is not an e-mail address", s)
	}
	return s
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(it item, name string) string {
	s, _ := it[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}
