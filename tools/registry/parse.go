package registry

import (
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// Parse reads a registry file. The error is of type [Errors] and holds all mistakes;
// file is the name that it mentions.
func Parse(file string, data []byte) (*Document, error) {
	p := &parsing{
		decoder: decoder{file: file},
		known:   map[string]*client.Resource{client.API: client.OwnAPI()},
		first:   map[string]int{},
	}
	if root := p.root(data); root != nil {
		p.document(root)
	}
	if len(p.errs) > 0 {
		p.errs.sort()
		return nil, p.errs
	}
	return &p.doc, nil
}

// parsing is a decoder with the state of one registry file.
type parsing struct {
	decoder
	doc Document
	// known are the resources that clients may refer to, by their id. A resource
	// with mistakes is among them, so that the clients that use it add no errors.
	known map[string]*client.Resource
	// first is the line in which an id of a kind was used first.
	first map[string]int
}

// document reads the resources first, wherever they stand, as clients refer to
// them.
func (p *parsing) document(root ast.Node) {
	sections := map[Kind]ast.Node{}
	section := func(k Kind) func(ast.Node) {
		return func(n ast.Node) { sections[k] = n }
	}
	p.fields(root, "the file", map[string]func(ast.Node){
		"resources": section(KindResource), "clients": section(KindClient),
		"upstreams": section(KindUpstream), "users": section(KindUser),
	})
	read := func(k Kind, what string, entry func(ast.Node)) {
		if n, ok := sections[k]; ok {
			p.doc.Sections = append(p.doc.Sections, k)
			p.list(n, what, entry)
		}
	}
	read(KindResource, "resources", p.resource)
	read(KindClient, "clients", p.client)
	read(KindUpstream, "upstreams", p.upstream)
	if len(p.doc.Upstreams) > maxUpstreams {
		p.fail(sections[KindUpstream], "upstreams has more than %d entries", maxUpstreams)
	}
	read(KindUser, "users", p.user)
}

// unique reports an id that the file uses for two entries of a kind.
func (p *parsing) unique(n ast.Node, k Kind, id string) {
	key := string(k) + "#" + id
	if line, twice := p.first[key]; twice {
		p.fail(n, "%s %s is defined twice, first in line %d", k, id, line)
		return
	}
	p.first[key] = position(n).Line
}

func (p *parsing) resource(n ast.Node) {
	r := client.Resource{Algorithm: oauth.ES256, Lifetime: client.DefaultLifetime}
	var open ast.Node
	given := false
	ok := p.fields(n, "a resource", map[string]func(ast.Node){
		"id": func(n ast.Node) {
			given = true
			if r.ID = p.uri(n, "resource id"); r.ID != "" {
				p.unique(n, KindResource, r.ID)
			}
		},
		"name": func(n ast.Node) { r.Name = p.label(n, "name") },
		"algorithm": func(n ast.Node) {
			r.Algorithm = p.oneOf(n, "algorithm", oauth.ES256, oauth.RS256)
		},
		"lifetime":        func(n ast.Node) { r.Lifetime = p.lifetime(n) },
		"scopes":          func(n ast.Node) { r.Scopes = p.scopes(n) },
		"self_registered": func(n ast.Node) { open = n },
	})
	if ok && !given {
		p.fail(n, "resource has no id")
	}
	if open != nil {
		r.SelfRegistered = p.selfRegistered(open, &r)
	}
	if r.ID == "" {
		return
	}
	p.known[r.ID] = &r
	p.doc.Resources = append(p.doc.Resources, r)
}

// uri reads the id of a resource that a file can define.
func (p *parsing) uri(n ast.Node, what string) string {
	s := p.text(n, what)
	if s == "" {
		return ""
	}
	if s == client.API {
		p.fail(n, "resource %s is Tipstaff's own and built in", s)
		return ""
	}
	id, err := client.NormalizeResource(s)
	if err != nil {
		p.fail(n, "%v: %q", err, s)
		return ""
	}
	return id
}

func (p *parsing) lifetime(n ast.Node) time.Duration {
	return p.span(n, "lifetime", client.MinLifetime, client.MaxLifetime)
}

func (p *parsing) scopes(n ast.Node) []client.Scope {
	var scopes []client.Scope
	p.each(n, "scopes", func(key *ast.StringNode, value ast.Node) {
		if !oauth.ValidScope(key.Value) || len(key.Value) > maxText {
			p.fail(key, "scope %q is not a scope of RFC 6749 §3.3", key.Value)
			return
		}
		if slices.Contains(oauth.IdentityScopes, key.Value) {
			p.fail(key, "scope %q is an identity scope, which no resource defines; clients have it under identity", key.Value)
			return
		}
		s := client.Scope{Name: key.Value}
		if _, null := value.(*ast.NullNode); !null {
			s.Description = p.label(value, "description of a scope")
		}
		scopes = append(scopes, s)
	})
	p.bound(n, "scopes", len(scopes))
	return scopes
}

// selfRegistered reads the scopes that clients which registered themselves may
// request at a resource.
func (p *parsing) selfRegistered(n ast.Node, r *client.Resource) []string {
	words := p.words(n, "self_registered", func(n ast.Node) string {
		scope := p.text(n, "scope")
		if scope != "" && !r.Defines(scope) {
			p.fail(n, "scope %q is not defined by this resource", scope)
			return ""
		}
		return scope
	})
	if list, ok := n.(*ast.SequenceNode); ok && len(list.Values) == 0 {
		p.fail(n, "self_registered is empty; leave it out to keep out clients that registered themselves")
	}
	return words
}

// oneOf reads a word out of a few.
func (p *parsing) oneOf(n ast.Node, what string, words ...string) string {
	s := p.text(n, what)
	if s == "" || slices.Contains(words, s) {
		return s
	}
	p.fail(n, "%s %q is unknown; there are %s", what, s, strings.Join(words, ", "))
	return ""
}

// oneOfs reads a list of different words out of a few.
func (p *parsing) oneOfs(n ast.Node, what, each string, words []string) []string {
	return p.words(n, what, func(n ast.Node) string { return p.oneOf(n, each, words...) })
}

// words reads a list of different texts.
func (p *parsing) words(n ast.Node, what string, word func(ast.Node) string) []string {
	var words []string
	p.list(n, what, func(n ast.Node) {
		w := word(n)
		if w == "" {
			return
		}
		if slices.Contains(words, w) {
			p.fail(n, "%s names %s twice", what, w)
			return
		}
		words = append(words, w)
	})
	p.bound(n, what, len(words))
	return words
}
