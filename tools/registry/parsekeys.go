package registry

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/goccy/go-yaml/ast"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// assertionAlgorithms are the algorithms of private_key_jwt client assertions.
var assertionAlgorithms = []string{oauth.ES256, token.EdDSA, oauth.RS256, token.PS256}

// maxKeys is how many keys a client may have: the one in use and its successors.
const maxKeys = 5

// Members of a JSON Web Key (RFC 7517 §4, RFC 7518 §6). Those of public keys
// that decide nothing here are read over.
var (
	keyMembers     = []string{"kty", "kid", "use", "alg", "crv", "x", "y", "n", "e"}
	ignoredMembers = []string{"key_ops", "ext", "iat", "exp", "nbf", "x5c", "x5t", "x5t#S256"}
	privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
)

// keySet reads a JSON Web Key Set of public keys and returns it in the one form
// that is stored. No message repeats a value: it may be a private key.
func (p *parsing) keySet(n ast.Node, alg string) json.RawMessage {
	var set jose.JSONWebKeySet
	given := false
	ok := p.fields(n, "jwks", map[string]func(ast.Node){
		"keys": func(n ast.Node) {
			given = true
			entries := 0
			p.list(n, "keys", func(n ast.Node) {
				entries++
				key := p.publicKey(n, alg)
				if key == nil {
					return
				}
				if len(set.Key(key.KeyID)) > 0 {
					p.fail(n, "jwks has two keys of the kid %q", key.KeyID)
				}
				set.Keys = append(set.Keys, *key)
			})
			switch _, list := n.(*ast.SequenceNode); {
			case entries > maxKeys:
				p.fail(n, "jwks has more than %d keys", maxKeys)
			case entries == 0 && list:
				p.fail(n, "jwks has no key")
			}
		},
	})
	if ok && !given {
		p.fail(n, "jwks has no keys")
	}
	if len(set.Keys) == 0 {
		return nil
	}
	text, err := json.Marshal(set)
	if err != nil {
		p.fail(n, "jwks cannot be written: %v", err)
	}
	return text
}

// publicKey reads a public key for an algorithm, nil if it is none.
func (p *parsing) publicKey(n ast.Node, alg string) *jose.JSONWebKey {
	before := len(p.errs)
	members := map[string]string{}
	ok := p.each(n, "a key", func(key *ast.StringNode, value ast.Node) {
		switch name := key.Value; {
		case slices.Contains(privateMembers, name):
			p.fail(key, "key is not public: it has the member %q. The key is no longer secret: make another one", name)
		case slices.Contains(keyMembers, name):
			members[name] = p.text(value, "member "+name)
		case !slices.Contains(ignoredMembers, name):
			p.fail(key, "unknown member %q in a key; there are %s", name, strings.Join(keyMembers, ", "))
		}
	})
	if !ok || len(p.errs) > before {
		return nil
	}
	switch {
	case members["kid"] == "":
		p.fail(n, "key has no kid, by which an assertion names it")
	case members["use"] != "" && members["use"] != "sig":
		p.fail(n, `key is not for signatures: its use is not "sig"`)
	case members["alg"] != "" && members["alg"] != alg && (members["alg"] != token.Ed25519 || alg != token.EdDSA):
		p.fail(n, "key is for another algorithm than %s, the token_endpoint_auth_signing_alg", alg)
	}
	var key jose.JSONWebKey
	delete(members, "alg")
	text, err := json.Marshal(members)
	if err == nil {
		err = key.UnmarshalJSON(text)
	}
	switch {
	case len(p.errs) > before:
	case err != nil || !key.Valid() || !key.IsPublic():
		p.fail(n, "key is not a public key of RFC 7518")
	case !token.Fits(alg, key.Key):
		p.fail(n, "key does not fit %s, the token_endpoint_auth_signing_alg", alg)
	}
	if len(p.errs) > before {
		return nil
	}
	return &jose.JSONWebKey{Key: key.Key, KeyID: key.KeyID, Use: "sig", Algorithm: alg}
}

// keyTraits are the keys of a stored set as a plan shows them: by kid and thumbprint
// (RFC 7638).
func keyTraits(stored json.RawMessage) []trait {
	if len(stored) == 0 {
		return nil
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(stored, &set); err != nil {
		return []trait{{"jwks", "cannot be read"}}
	}
	var traits []trait
	for _, key := range set.Keys {
		sum, err := key.Thumbprint(crypto.SHA256)
		if err != nil {
			return []trait{{"jwks", "cannot be read"}}
		}
		traits = append(traits, trait{"key " + key.KeyID, key.Algorithm + " " + base64.RawURLEncoding.EncodeToString(sum)})
	}
	return traits
}
