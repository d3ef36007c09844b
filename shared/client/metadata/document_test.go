package metadata_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

const id = "https://app.example.com/oauth/client.json"

// document returns the document at id, with more members.
func document(more ...string) []byte {
	members := append([]string{
		`"client_id":"` + id + `"`, `"client_name":"App"`,
	}, more...)
	if !strings.Contains(strings.Join(more, ""), "redirect_uris") {
		members = append(members, `"redirect_uris":["https://app.example.com/cb","http://localhost/cb"]`)
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

func TestDocument(t *testing.T) {
	for _, more := range []string{
		`"x":1`, `"token_endpoint_auth_method":"none"`, `"grant_types":["authorization_code","refresh_token"],"response_types":["code"]`,
		`"redirect_uris":["http://127.0.0.1:33418/","http://[::1]/cb","http://localhost:1/x"]`,
		`"redirect_uris":["https://app.example.com","https://app.example.com?x=1","https://app.example.com/"]`,
	} {
		m, err := metadata.ParseDocument(id, document(more))
		if err != nil {
			t.Errorf("document with %s: %v", more, err)
			continue
		}
		if c := m.Client(id); c.ID != id || c.Name != "App" || !c.Public() || !c.SelfRegistered || c.FirstParty {
			t.Errorf("document with %s makes %+v", more, c)
		}
	}
}

func TestDocumentRefused(t *testing.T) {
	tests := []struct {
		name string
		body []byte
		code oauth.Code
	}{
		{"no client_id", []byte(`{"redirect_uris":["https://app.example.com/cb"]}`), oauth.InvalidClientMetadata},
		{"another client's client_id", []byte(`{"client_id":"https://evil.test/c","redirect_uris":["https://app.example.com/cb"]}`), oauth.InvalidClientMetadata},
		{"another spelling of client_id", []byte(`{"client_id":"https://APP.example.com/oauth/client.json","redirect_uris":["https://app.example.com/cb"]}`), oauth.InvalidClientMetadata},
		{"client_id with a slash more", []byte(`{"client_id":"` + id + `/","redirect_uris":["https://app.example.com/cb"]}`), oauth.InvalidClientMetadata},
		{"client_id twice", document(`"client_id":"` + id + `"`), oauth.InvalidClientMetadata},
		{"client_id in another case", []byte(`{"CLIENT_ID":"` + id + `","redirect_uris":["https://app.example.com/cb"]}`), oauth.InvalidClientMetadata},
		{"a secret", document(`"client_secret":"evil"`), oauth.InvalidClientMetadata},
		{"a secret that is none", document(`"client_secret":0`), oauth.InvalidClientMetadata},
		{"the end of a secret", document(`"client_secret_expires_at":0`), oauth.InvalidClientMetadata},
		{"basic", document(`"token_endpoint_auth_method":"client_secret_basic"`), oauth.InvalidClientMetadata},
		{"post", document(`"token_endpoint_auth_method":"client_secret_post"`), oauth.InvalidClientMetadata},
		{"secret JWT", document(`"token_endpoint_auth_method":"client_secret_jwt"`), oauth.InvalidClientMetadata},
		{"mutual TLS", document(`"token_endpoint_auth_method":"tls_client_auth"`), oauth.InvalidClientMetadata},
		{"keys at another URL", document(`"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://169.254.169.254/"`), oauth.InvalidClientMetadata},
		{"no keys", document(`"token_endpoint_auth_method":"private_key_jwt"`), oauth.InvalidClientMetadata},
		{"another origin", document(`"redirect_uris":["https://evil.test/cb"]`), oauth.InvalidRedirectURI},
		{"a host below", document(`"redirect_uris":["https://a.app.example.com/cb"]`), oauth.InvalidRedirectURI},
		{"a host above", document(`"redirect_uris":["https://example.com/cb"]`), oauth.InvalidRedirectURI},
		{"a longer host", document(`"redirect_uris":["https://app.example.com.evil.test/cb"]`), oauth.InvalidRedirectURI},
		{"another port", document(`"redirect_uris":["https://app.example.com:8443/cb"]`), oauth.InvalidRedirectURI},
		{"http at the origin", document(`"redirect_uris":["http://app.example.com/cb"]`), oauth.InvalidRedirectURI},
		{"loopback with https", document(`"redirect_uris":["https://localhost/cb"]`), oauth.InvalidRedirectURI},
		{"not quite loopback", document(`"redirect_uris":["http://localhost.evil.test/cb"]`), oauth.InvalidRedirectURI},
		{"an app's scheme", document(`"redirect_uris":["com.example.app:/cb"]`), oauth.InvalidRedirectURI},
		{"a script", document(`"redirect_uris":["javascript:evil()"]`), oauth.InvalidRedirectURI},
		{"one good and one bad", document(`"redirect_uris":["https://app.example.com/cb","https://evil.test/cb"]`), oauth.InvalidRedirectURI},
		{"no redirect", document(`"redirect_uris":[]`), oauth.InvalidRedirectURI},
		{"a page", []byte(`<!doctype html><title>evil</title>`), oauth.InvalidClientMetadata},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := metadata.ParseDocument(id, tt.body)
			refusal(t, m, err, tt.code)
		})
	}
}

func keySet(t *testing.T, all ...jose.JSONWebKey) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: all})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentWithKeys(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	one := jose.JSONWebKey{Key: ec.Public(), KeyID: "a", Algorithm: "ES256", Use: "sig"}
	bare := jose.JSONWebKey{Key: public, KeyID: "b"}
	const method = `"token_endpoint_auth_method":"private_key_jwt"`
	accepted := []struct{ name, set, alg, want string }{
		{"alg of the key", keySet(t, one), "", "ES256"},
		{"alg of the client", keySet(t, bare), "EdDSA", "EdDSA"},
		{"both", keySet(t, one), "ES256", "ES256"},
	}
	for _, tt := range accepted {
		more := method + `,"jwks":` + tt.set
		if tt.alg != "" {
			more += `,"token_endpoint_auth_signing_alg":"` + tt.alg + `"`
		}
		m, err := metadata.ParseDocument(id, document(more))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		c := m.Client(id)
		if c.Public() || c.AuthMethods[0] != "private_key_jwt" || c.AssertionAlgorithm != tt.want || len(c.KeySet) == 0 || !c.SelfRegistered {
			t.Errorf("%s makes %+v", tt.name, c)
		}
		if a := m.Answer(id); a.Method != "private_key_jwt" || a.Algorithm != tt.want {
			t.Errorf("%s is told as %+v", tt.name, a)
		}
	}
	secret := jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "k", Algorithm: "HS256"}
	refused := []struct{ name, set, alg string }{
		{"private key", keySet(t, jose.JSONWebKey{Key: ec, KeyID: "a", Algorithm: "ES256"}), ""},
		{"private Ed25519 key", keySet(t, jose.JSONWebKey{Key: private, KeyID: "a", Algorithm: "EdDSA"}), ""},
		{"symmetric key", keySet(t, secret), ""},
		{"symmetric algorithm", keySet(t, one), "HS256"},
		{"none", keySet(t, bare), "none"},
		{"no algorithm", keySet(t, bare), ""},
		{"another algorithm", keySet(t, one), "EdDSA"},
		{"an algorithm that it does not fit", keySet(t, bare), "ES256"},
		{"another curve", keySet(t, jose.JSONWebKey{Key: large.Public(), KeyID: "a"}), "ES256"},
		{"no kid", keySet(t, jose.JSONWebKey{Key: public, Algorithm: "EdDSA"}), ""},
		{"two of one kid", keySet(t, one, one), ""},
		{"for encryption", keySet(t, jose.JSONWebKey{Key: public, KeyID: "a", Algorithm: "EdDSA", Use: "enc"}), ""},
		{"no key", `{"keys":[]}`, "ES256"},
		{"no keys", `{}`, "ES256"},
		{"six keys", keySet(t, one, one, one, one, one, one), ""},
		{"no set", `[]`, "ES256"},
		{"null", `null`, "ES256"},
		{"no key in it", `{"keys":[{}]}`, "ES256"},
	}
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			more := method + `,"jwks":` + tt.set
			if tt.alg != "" {
				more += `,"token_endpoint_auth_signing_alg":"` + tt.alg + `"`
			}
			m, err := metadata.ParseDocument(id, document(more))
			refusal(t, m, err, oauth.InvalidClientMetadata)
		})
	}
}

func TestDocumentURLHasOneSpelling(t *testing.T) {
	for u, host := range map[string]string{
		id: "app.example.com", "https://example.com/": "example.com", "https://a-b.example.co/x?y=1": "a-b.example.co",
		"https://xn--bcher-kva.example/c": "xn--bcher-kva.example",
	} {
		if got, err := metadata.ParseURL(u); err != nil || got != host {
			t.Errorf("ParseURL(%q) = %q, %v, want %q", u, got, err, host)
		}
	}
	for _, u := range []string{
		"", "https://", "https:///x", "https://example.com", "http://example.com/c", "HTTPS://example.com/c", "https://Example.com/c",
		"https://example.com:443/c", "https://example.com:8443/c", "https://user@example.com/c", "https://user:x@example.com/c",
		"https://example.com/c#x", "https://example.com/c#", "https://example.com/a/../c", "https://example.com/./c", "https://example.com/%2e%2E/c",
		"https://example.com/..", "https://localhost/c", "https://127.0.0.1/c", "https://2130706433/c", "https://0x7f.0x1/c", "https://0177.1/c",
		"https://[::1]/c", "https://example.com./c", "https://.example.com/c", "https://a..example/c", "https://bücher.example/c",
		"https://example.com\\c/", "https://example.com/\\c", "https://exa mple.com/c", "https://example.com/a b", "https://example.com/%zz",
		"https://example.com?x=/c", "https://exam%70le.com/c", "https://*.example.com/c", "https://example.com/" + strings.Repeat("a", 512),
		"https://" + strings.Repeat("a", 60) + "." + strings.Repeat(strings.Repeat("b", 60)+".", 4) + "example/c",
		" https://example.com/c", "https://example.com/c\n", "ftp://example.com/c",
	} {
		if host, err := metadata.ParseURL(u); err == nil {
			t.Errorf("ParseURL(%q) = %q, want an error", u, host)
		}
	}
}

// net/url reads an accepted URL in the same way.
func FuzzURL(f *testing.F) {
	f.Add(id)
	f.Add("https://example.com/a?b=c%20d")
	f.Add("https://example.com/@evil.test/")
	f.Fuzz(func(t *testing.T, text string) {
		host, err := metadata.ParseURL(text)
		if err != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.Host != host || u.User != nil || u.Fragment != "" || u.Path == "" {
			t.Errorf("ParseURL(%q) = %q, and net/url reads %+v, %v", text, host, u, err)
		}
	})
}

// A client from any document redirects users only to its own origin or to their
// own machine.
func FuzzDocument(f *testing.F) {
	f.Add(document())
	f.Add(document(`"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"EC"}]}`))
	f.Add(document(`"redirect_uris":["http://[::1]:1/"]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := metadata.ParseDocument(id, body)
		if err != nil {
			if _, ok := errors.AsType[*oauth.Error](err); !ok {
				t.Errorf("ParseDocument(%q) = %v, want an *oauth.Error", body, err)
			}
			return
		}
		check(t, body, m)
		for _, uri := range m.RedirectURIs {
			u, err := url.Parse(uri)
			if err != nil {
				t.Fatalf("redirect URI %q: %v", uri, err)
			}
			own := u.Scheme == "https" && u.Host == "app.example.com"
			machine := u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
			if !own && !machine {
				t.Errorf("ParseDocument(%q) redirects users to %q", body, uri)
			}
		}
	})
}
