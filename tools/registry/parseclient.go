package registry

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// grants are the grant types that a client can be registered for.
var grants = []string{
	oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials,
	oauth.GrantDeviceCode, oauth.GrantTokenExchange,
}

// authMethods are the ways in which a client can authenticate.
var authMethods = []string{oauth.ClientSecretBasic, oauth.ClientSecretPost, oauth.PrivateKeyJWT, oauth.AuthNone}

// reserved are prefixes that a client id must not have, because the id would be taken
// for one of ours, for the subject of a user, or for a credential that was pasted
// into the wrong place.
var reserved = []string{
	"tipstaff", identity.SubjectPrefix,
	string(opaque.ClientSecret), string(opaque.RefreshToken), string(opaque.LoginCookie),
	string(opaque.AuthorizationCode), string(opaque.DeviceCode), string(opaque.RegisteredClient), string(opaque.PushedRequest),
	string(opaque.SignInStep), string(opaque.OneTimeLink), string(opaque.UpstreamState),
}

func (p *parsing) client(n ast.Node) {
	c := client.Client{
		AuthMethods: []string{oauth.ClientSecretBasic, oauth.ClientSecretPost},
		Idle:        client.DefaultIdle, Absolute: client.DefaultAbsolute, Grace: client.DefaultGrace,
	}
	given := false
	at := places{}
	ok := p.fields(n, "a client", at.kept(map[string]func(ast.Node){
		"id":           func(n ast.Node) { given, c.ID = true, p.clientID(n) },
		"name":         func(n ast.Node) { c.Name = p.label(n, "name") },
		"auth_methods": func(n ast.Node) { c.AuthMethods = p.oneOfs(n, "auth_methods", "auth method", authMethods) },
		"grants":       func(n ast.Node) { c.Grants = p.oneOfs(n, "grants", "grant", grants) },
		"access":       func(n ast.Node) { c.Access = p.access(n) },
		"introspects":  func(n ast.Node) { c.Introspects = p.words(n, "introspects", p.reference) },
		"exchanges":    func(n ast.Node) { c.Exchanges = p.words(n, "exchanges", p.reference) },
		"identity":     func(n ast.Node) { c.Identity = p.oneOfs(n, "identity", "identity scope", oauth.IdentityScopes) },
		"redirect_uris": func(n ast.Node) {
			c.RedirectURIs = p.words(n, "redirect_uris", p.redirectURI)
		},
		"post_logout_redirect_uris": func(n ast.Node) {
			c.PostLogoutURIs = p.words(n, "post_logout_redirect_uris", p.postLogoutURI)
		},
		"backchannel_logout_uri": func(n ast.Node) { c.BackChannelURI = p.backChannelURI(n) },
		"id_token_signed_response_alg": func(n ast.Node) {
			c.IDTokenAlgorithm = p.oneOf(n, "id_token_signed_response_alg", oauth.ES256, oauth.RS256)
		},
		"require_pushed_authorization_requests": func(n ast.Node) {
			c.RequirePAR = p.flag(n, "require_pushed_authorization_requests")
		},
		"dpop_bound_access_tokens": func(n ast.Node) { c.RequireDPoP = p.flag(n, "dpop_bound_access_tokens") },
		"dpop_nonce":               func(n ast.Node) { c.DPoPNonce = p.flag(n, "dpop_nonce") },
		"jwks":                     func(ast.Node) {}, // is read when its algorithm is known
		"token_endpoint_auth_signing_alg": func(n ast.Node) {
			c.AssertionAlgorithm = p.oneOf(n, "token_endpoint_auth_signing_alg", assertionAlgorithms...)
		},
		"origins":     func(n ast.Node) { c.Origins = p.words(n, "origins", p.origin) },
		"first_party": func(n ast.Node) { c.FirstParty = p.flag(n, "first_party") },
		"disabled":    func(n ast.Node) { c.Disabled = p.flag(n, "disabled") },
		"secrets":     func(n ast.Node) { c.Secrets = p.secrets(n) },
		"idle":        func(n ast.Node) { c.Idle = p.span(n, "idle", client.MinIdle, client.MaxAbsolute) },
		"absolute":    func(n ast.Node) { c.Absolute = p.span(n, "absolute", client.MinIdle, client.MaxAbsolute) },
		"grace":       func(n ast.Node) { c.Grace = p.span(n, "grace", 0, client.MaxGrace) },
	}))
	if ok && !given {
		p.fail(n, "client has no id")
	}
	if jwks, has := at["jwks"]; has {
		c.AssertionAlgorithm = cmp.Or(c.AssertionAlgorithm, oauth.ES256)
		c.KeySet = p.keySet(jwks, c.AssertionAlgorithm)
	}
	if ok {
		at["client"] = n
		p.together(at, &c)
	}
	p.doc.Clients = append(p.doc.Clients, c)
}

// places maps the names of the fields of an entry to their nodes, for messages. The
// entry itself is one of them.
type places map[string]ast.Node

// kept returns the readers, extended to note the node of each field.
func (at places) kept(known map[string]func(ast.Node)) map[string]func(ast.Node) {
	for name, read := range known {
		known[name] = func(n ast.Node) {
			at[name] = n
			read(n)
		}
	}
	return known
}

func (p *parsing) clientID(n ast.Node) string {
	id := p.text(n, "client id")
	if id == "" {
		return ""
	}
	if !client.ValidID(id) {
		p.fail(n, `client id %q is not 1 to 64 letters, digits, "_" and "-"`, id)
		return ""
	}
	for _, prefix := range reserved {
		if strings.HasPrefix(strings.ToLower(id), prefix) {
			p.fail(n, "client id begins with %q, which is reserved", prefix)
			return ""
		}
	}
	p.unique(n, KindClient, id)
	return id
}

// access reads the resources and scopes that a client may request. The default
// resource comes first.
func (p *parsing) access(n ast.Node) []client.Access {
	var all []client.Access
	chosen := -1
	p.list(n, "access", func(n ast.Node) {
		var a client.Access
		var scopes ast.Node
		given := false
		ok := p.fields(n, "access", map[string]func(ast.Node){
			"resource": func(n ast.Node) { given, a.Resource = true, p.reference(n) },
			"scopes":   func(n ast.Node) { scopes = n },
			"default": func(at ast.Node) {
				if !p.flag(at, "default") {
					return
				}
				if chosen >= 0 {
					p.fail(at, "access has a second default resource")
				}
				chosen = len(all)
			},
		})
		if ok && !given {
			p.fail(n, "access has no resource")
		}
		if slices.ContainsFunc(all, func(b client.Access) bool { return a.Resource != "" && a.Resource == b.Resource }) {
			p.fail(n, "access names resource %s twice", a.Resource)
		}
		if scopes != nil {
			a.Scopes = p.words(scopes, "scopes", func(n ast.Node) string { return p.scopeOf(n, a.Resource) })
		}
		all = append(all, a)
	})
	p.bound(n, "access", len(all))
	if chosen > 0 {
		a := all[chosen]
		all = slices.Insert(slices.Delete(all, chosen, chosen+1), 0, a)
	}
	return all
}

// reference reads the id of a resource that the file defines, or of our own.
func (p *parsing) reference(n ast.Node) string {
	id := p.text(n, "resource")
	if id != "" && id != client.API {
		id = p.uri(n, "resource")
	}
	if id == "" {
		return ""
	}
	if p.known[id] == nil {
		p.fail(n, "resource %s is not defined in this file", id)
		return ""
	}
	return id
}

func (p *parsing) scopeOf(n ast.Node, resource string) string {
	scope := p.text(n, "scope")
	if r := p.known[resource]; scope != "" && r != nil && !r.Defines(scope) {
		p.fail(n, "scope %q is not defined by resource %s", scope, resource)
		return ""
	}
	return scope
}

// secrets reads hashes. No message repeats a value: it may be a secret that was
// entered instead of its hash.
func (p *parsing) secrets(n ast.Node) []client.Secret {
	var secrets []client.Secret
	entries := 0
	p.list(n, "secrets", func(n ast.Node) {
		entries++
		var s client.Secret
		given, valid := false, false
		ok := p.fields(n, "a secret", map[string]func(ast.Node){
			"sha256":  func(n ast.Node) { given, valid = true, p.hash(n, s.SHA256[:]) },
			"expires": func(n ast.Node) { s.NotAfter = p.instant(n, "expires") },
		})
		if ok && !given {
			p.fail(n, "secret has no sha256")
		}
		if !valid {
			return
		}
		s.ID = client.SecretID(s.SHA256)
		if slices.ContainsFunc(secrets, func(t client.Secret) bool { return s.ID == t.ID }) {
			p.fail(n, "secrets names one secret twice")
		}
		secrets = append(secrets, s)
	})
	switch _, list := n.(*ast.SequenceNode); {
	case entries > client.MaxSecrets:
		p.fail(n, "client has more than %d secrets", client.MaxSecrets)
	case entries == 0 && list:
		p.fail(n, "secrets is empty; leave it out to have a secret made")
	}
	return secrets
}

// hash reads a SHA-256 into sum.
func (p *parsing) hash(n ast.Node, sum []byte) bool {
	s, ok := n.(*ast.StringNode)
	if ok && len(s.Value) == hex.EncodedLen(len(sum)) {
		if _, err := hex.Decode(sum, []byte(s.Value)); err == nil {
			return true
		}
	}
	p.fail(n, "sha256 is not 64 hexadecimal digits in quotes")
	return false
}
