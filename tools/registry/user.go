package registry

import (
	"net/mail"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// attrRevision counts the writes of an entry of every kind.
const attrRevision = dynamo.AttrRevision

// user reads the fields of a user that a registry file may set. Credentials are not
// among them.
func (p *parsing) user(n ast.Node) {
	var u identity.User
	var verified ast.Node
	given := false
	ok := p.fields(n, "a user", map[string]func(ast.Node){
		"user_name":      func(n ast.Node) { given, u.UserName = true, p.userName(n) },
		"name":           func(n ast.Node) { u.Name = p.label(n, "name") },
		"email":          func(n ast.Node) { u.Email = p.email(n) },
		"email_verified": func(n ast.Node) { verified, u.EmailVerified = n, p.flag(n, "email_verified") },
		"disabled":       func(n ast.Node) { u.Disabled = p.flag(n, "disabled") },
	})
	if ok && !given {
		p.fail(n, "user has no user_name")
	}
	if u.EmailVerified && u.Email == "" {
		p.fail(verified, "user has a verified e-mail address and no email")
	}
	p.doc.Users = append(p.doc.Users, u)
}

func (p *parsing) userName(n ast.Node) string {
	s := p.text(n, "user_name")
	if s == "" {
		return ""
	}
	if !identity.ValidUserName(s) {
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
