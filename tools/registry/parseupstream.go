package registry

import (
	"cmp"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

const (
	// maxUpstreams is how many upstreams fit on the sign-in page.
	maxUpstreams = 20
	// maxDomains is how many mail domains an upstream may have.
	maxDomains = 50
)

// upstreamNames are the names of the types that are one issuer, for pages.
var upstreamNames = map[string]string{upstream.TypeGoogle: "Google", upstream.TypeGitHub: "GitHub"}

// upstreamIssuers are the issuers of the types that have a fixed one.
var upstreamIssuers = map[string]string{upstream.TypeGoogle: upstream.GoogleIssuer, upstream.TypeGitHub: upstream.GitHubIssuer}

// upstream reads an upstream. Its client secret is not in the file.
func (p *parsing) upstream(n ast.Node) {
	u := upstream.Upstream{FirstSignIn: upstream.FirstInvitation}
	at := places{}
	ok := p.fields(n, "an upstream", at.kept(map[string]func(ast.Node){
		"id":        func(n ast.Node) { u.ID = p.upstreamID(n) },
		"name":      func(n ast.Node) { u.Name = p.label(n, "name") },
		"type":      func(n ast.Node) { u.Type = p.oneOf(n, "type", upstream.Types...) },
		"issuer":    func(n ast.Node) { u.Issuer = p.text(n, "issuer") },
		"client_id": func(n ast.Node) { u.ClientID = p.label(n, "client_id") },
		"scopes":    func(n ast.Node) { u.Scopes = p.words(n, "scopes", p.scopeName) },
		"first_sign_in": func(n ast.Node) {
			u.FirstSignIn = cmp.Or(p.oneOf(n, "first_sign_in", upstream.Rules...), u.FirstSignIn)
		},
		"domains":  func(n ast.Node) { u.Domains = p.words(n, "domains", p.domain) },
		"disabled": func(n ast.Node) { u.Disabled = p.flag(n, "disabled") },
	}))
	if !ok {
		return
	}
	for _, field := range []string{"id", "type", "client_id"} {
		if at[field] == nil {
			p.fail(n, "upstream has no %s", field)
		}
	}
	at["upstream"] = n
	p.upstreamDefaults(at, &u)
	p.upstreamTogether(at, &u)
	p.doc.Upstreams = append(p.doc.Upstreams, u)
}

// upstreamDefaults fills in the values that follow from the type.
func (p *parsing) upstreamDefaults(at places, u *upstream.Upstream) {
	if u.Type == "" {
		return // reported already, and the defaults depend on it
	}
	if at["name"] == nil {
		if u.Name = upstreamNames[u.Type]; u.Name == "" {
			p.fail(at["upstream"], "upstream has no name, which the sign-in page shows")
		}
	}
	if at["scopes"] == nil {
		u.Scopes = upstream.DefaultScopes(u.Type)
	}
	if at["issuer"] == nil {
		if u.Issuer = upstreamIssuers[u.Type]; u.Issuer == "" {
			p.fail(at["upstream"], "upstream has no issuer")
		}
		return
	}
	if u.Issuer == "" {
		return
	}
	if err := upstream.CheckIssuer(u.Type, u.Issuer); err != nil {
		p.fail(at["issuer"], "issuer %v: %q", err, u.Issuer)
	}
}

// upstreamTogether reports fields that are valid alone and invalid in combination.
func (p *parsing) upstreamTogether(at places, u *upstream.Upstream) {
	byDomain := u.FirstSignIn == upstream.FirstDomains
	for _, scope := range neededScopes(u.Type, byDomain) {
		if scopes := at["scopes"]; len(u.Scopes) > 0 && !slices.Contains(u.Scopes, scope.name) {
			p.fail(scopes, "upstream lacks the scope %s, which is needed for the %s", scope.name, scope.gives)
		}
	}
	for _, field := range []string{"scopes", "domains"} {
		if list, ok := at[field].(*ast.SequenceNode); ok && len(list.Values) == 0 {
			p.fail(list, "%s is empty; leave it out", field)
		}
	}
	switch domains := at["domains"]; {
	case domains == nil && byDomain:
		p.fail(at["first_sign_in"], "upstream has first_sign_in: domains and no domains")
	case domains != nil && !byDomain:
		p.fail(domains, "upstream has domains and not first_sign_in: %s", upstream.FirstDomains)
	case len(u.Domains) > maxDomains:
		p.fail(domains, "domains has more than %d entries", maxDomains)
	}
}

type neededScope struct{ name, gives string }

// neededScopes are the scopes that sign-in needs. A rule of domains needs the scope
// that gives the mail address, too.
func neededScopes(kind string, byDomain bool) []neededScope {
	const address = "mail address for the domains"
	var needs []neededScope
	switch kind {
	case upstream.TypeOIDC, upstream.TypeGoogle:
		needs = append(needs, neededScope{oauth.ScopeOpenID, "id token"})
		if byDomain {
			needs = append(needs, neededScope{oauth.ScopeEmail, address})
		}
	case upstream.TypeGitHub:
		if byDomain {
			needs = append(needs, neededScope{"user:email", address})
		}
	}
	return needs
}

func (p *parsing) upstreamID(n ast.Node) string {
	id := p.text(n, "upstream id")
	if id == "" {
		return ""
	}
	if !upstream.ValidID(id) {
		p.fail(n, `upstream id %q is not 1 to 32 lower-case letters, digits and "-"`, id)
		return ""
	}
	p.unique(n, KindUpstream, id)
	return id
}

func (p *parsing) scopeName(n ast.Node) string {
	scope := p.text(n, "scope")
	if scope != "" && (!oauth.ValidScope(scope) || len(scope) > maxText) {
		p.fail(n, "scope %q is not a scope of RFC 6749 §3.3", scope)
		return ""
	}
	return scope
}

// domain reads what follows the "@" of a mail address, in lower case as it is
// compared.
func (p *parsing) domain(n ast.Node) string {
	s := p.text(n, "domain")
	if s == "" {
		return ""
	}
	if !upstream.ValidDomain(s) {
		p.fail(n, "domain %q is not a mail domain in lower case, as in example.com", s)
		return ""
	}
	return s
}
