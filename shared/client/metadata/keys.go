package metadata

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	strictjson "github.com/go-jose/go-jose/v4/json"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// algorithms are the algorithms of client assertions.
var algorithms = []string{oauth.ES256, token.EdDSA, oauth.RS256, token.PS256}

// maxKeys is how many keys a client may have.
const maxKeys = 5

// privateMembers are the members of keys that are not public (RFC 7518 §6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// publicKeys reads a JSON Web Key Set of public keys for one algorithm. If the
// metadata names no algorithm, it is that of the keys. The result is the set
// without any other member, as a registration stores it.
func publicKeys(text json.RawMessage, algorithm string) (json.RawMessage, string, error) {
	var raw struct {
		Keys []map[string]json.RawMessage `json:"keys"`
	}
	if err := strictjson.Unmarshal(text, &raw); err != nil {
		return nil, "", invalid("jwks is not a JSON Web Key Set")
	}
	if len(raw.Keys) == 0 || len(raw.Keys) > maxKeys {
		return nil, "", invalid(fmt.Sprintf("jwks does not have 1 to %d keys", maxKeys))
	}
	var set jose.JSONWebKeySet
	for i, members := range raw.Keys {
		key, err := publicKey(members)
		if err != nil {
			return nil, "", invalid(fmt.Sprintf("jwks.keys[%d] %v", i, err))
		}
		if algorithm == "" {
			algorithm = key.Algorithm
		}
		switch own := key.Algorithm; {
		case !slices.Contains(algorithms, algorithm):
			return nil, "", invalid(fmt.Sprintf("token_endpoint_auth_signing_alg, or alg of a key, is none of %v", algorithms))
		case own != "" && own != algorithm && (own != token.Ed25519 || algorithm != token.EdDSA):
			return nil, "", invalid(fmt.Sprintf("jwks.keys[%d] is for another algorithm than the client's", i))
		case !token.Fits(algorithm, key.Key):
			return nil, "", invalid(fmt.Sprintf("jwks.keys[%d] does not fit its algorithm", i))
		case len(set.Key(key.KeyID)) > 0:
			return nil, "", invalid(fmt.Sprintf("jwks.keys[%d] has the kid of another key", i))
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Key, KeyID: key.KeyID, Use: "sig", Algorithm: algorithm})
	}
	out, err := json.Marshal(set)
	if err != nil {
		return nil, "", fmt.Errorf("marshal the keys of a client: %w", err)
	}
	return out, algorithm, nil
}

// publicKey reads one key. The caller prefixes the error with the index of the key.
func publicKey(members map[string]json.RawMessage) (*jose.JSONWebKey, error) {
	for _, name := range privateMembers {
		if _, ok := members[name]; ok {
			return nil, fmt.Errorf("is not public: it has the member %s", name)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(text); err != nil || !key.Valid() || !key.IsPublic() {
		return nil, fmt.Errorf("is not a public key of RFC 7518")
	}
	if key.KeyID == "" {
		return nil, fmt.Errorf("has no kid, by which an assertion names it")
	}
	if key.Use != "" && key.Use != "sig" {
		return nil, fmt.Errorf("is not for signatures")
	}
	return &key, nil
}
