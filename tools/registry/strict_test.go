package registry_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/tools/registry"
)

// jwk is a key as a tool prints it.
func jwk(t *testing.T, key any, kid string) string {
	t.Helper()
	data, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: kid})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signer is the client s with private_key_jwt and the given keys.
func signer(alg string, keys ...string) string {
	return fmt.Sprintf("clients: [{id: s, auth_methods: [private_key_jwt], token_endpoint_auth_signing_alg: %s, jwks: {keys: [%s]}}]",
		alg, strings.Join(keys, ", "))
}

func TestParseStrictClient(t *testing.T) {
	key := newKey(t)
	doc, err := registry.Parse("registry.yaml", fmt.Appendf(nil, `
resources:
  - id: https://api.example.com
    self_registered: [read]
    scopes: {read: Read, write: Write}
users:
  - {user_name: ann, email: ann@example.com, email_verified: true}
  - {user_name: bob, email: bob@example.com, email_verified: false}
clients:
  - id: c
    auth_methods: [private_key_jwt]
    jwks: {"keys": [%s]}
    grants:
      - authorization_code
      - refresh_token
      - client_credentials
      - urn:ietf:params:oauth:grant-type:device_code
      - "urn:ietf:params:oauth:grant-type:token-exchange"
    first_party: true
    access: [{resource: https://api.example.com, scopes: [read]}]
    exchanges: [https://api.example.com/]
    identity: [openid, profile, email, offline_access]
    redirect_uris: [https://app.example.com/cb]
    post_logout_redirect_uris: [https://app.example.com/bye]
    backchannel_logout_uri: http://localhost:3000/logout
    id_token_signed_response_alg: RS256
    require_pushed_authorization_requests: true
    dpop_bound_access_tokens: true
    dpop_nonce: true
`, jwk(t, key.Public(), "one")))
	if err != nil {
		t.Fatal(err)
	}
	got := doc.Clients[0]
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(got.KeySet, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 1 || set.Keys[0].KeyID != "one" || !key.PublicKey.Equal(set.Keys[0].Key) || set.Keys[0].Algorithm != oauth.ES256 {
		t.Errorf("jwks = %s, want the one key", got.KeySet)
	}
	got.KeySet = nil
	want := client.Client{
		ID: "c", AuthMethods: []string{oauth.PrivateKeyJWT}, AssertionAlgorithm: oauth.ES256,
		Grants: []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials, oauth.GrantDeviceCode, oauth.GrantTokenExchange},
		Access: []client.Access{{Resource: "https://api.example.com", Scopes: []string{"read"}}}, Exchanges: []string{"https://api.example.com"},
		FirstParty: true, Identity: oauth.IdentityScopes,
		RedirectURIs: []string{"https://app.example.com/cb"}, PostLogoutURIs: []string{"https://app.example.com/bye"},
		BackChannelURI: "http://localhost:3000/logout", IDTokenAlgorithm: oauth.RS256,
		RequirePAR: true, RequireDPoP: true, DPoPNonce: true,
		Idle: client.DefaultIdle, Absolute: client.DefaultAbsolute, Grace: client.DefaultGrace,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("client =\n%+v, want\n%+v", got, want)
	}
	if r := doc.Resources[0]; !slices.Equal(r.SelfRegistered, []string{"read"}) {
		t.Errorf("resource = %+v, want it open for read", r)
	}
	if !doc.Users[0].EmailVerified || doc.Users[1].EmailVerified {
		t.Errorf("users = %+v, want the first address verified", doc.Users)
	}
}

// An algorithm accepts every kind of key that belongs to it, and no other.
func TestKeysFitTheirAlgorithm(t *testing.T) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]crypto.PublicKey{"EC": newKey(t).Public(), "P-384": other.Public(), "Ed25519": public, "RSA": large.Public()}
	fits := map[string]string{oauth.ES256: "EC", "EdDSA": "Ed25519", oauth.RS256: "RSA", "PS256": "RSA"}
	for alg, right := range fits {
		for kind, key := range keys {
			_, err := registry.Parse("f.yaml", []byte(signer(alg, jwk(t, key, "k"))))
			if (err == nil) != (kind == right) {
				t.Errorf("Parse(a %s key for %s) = %v, want accepted %v", kind, alg, err, kind == right)
			}
		}
	}
	tool := strings.Replace(jwk(t, public, "k"), "{", `{"alg":"Ed25519","key_ops":["verify"],"ext":true,"use":"sig",`, 1)
	if _, err := registry.Parse("f.yaml", []byte(signer("EdDSA", tool))); err != nil {
		t.Errorf("Parse(a key with the members of a tool) = %v, want it accepted", err)
	}
}

// A private key in the file is refused, with its place and without its value.
func TestPrivateKeysAreRefused(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"EC": newKey(t), "Ed25519": ed, "RSA": large, "oct": []byte("a secret of 256 bits, or thereabouts")} {
		text := jwk(t, key, "k")
		_, err := registry.Parse("f.yaml", []byte(signer(oauth.ES256, text)))
		found, ok := errors.AsType[registry.Errors](err)
		if !ok {
			t.Fatalf("Parse(a private %s key) = %v, want registry.Errors", name, err)
		}
		if found[0].Line != 1 || found[0].Column < 100 || !strings.Contains(found[0].Message, "key is not public") {
			t.Errorf("Parse(a private %s key) = %v, want it refused at its member", name, found[0])
		}
		var members map[string]string
		if err := json.Unmarshal([]byte(text), &members); err != nil {
			t.Fatal(err)
		}
		for member, value := range members {
			if len(value) > 10 && strings.Contains(err.Error(), value) {
				t.Errorf("the error repeats the member %s", member)
			}
		}
	}
}

// A client with private_key_jwt gets no secret, and loses the one that it had.
func TestSignersHaveNoSecret(t *testing.T) {
	b := newBench(t)
	secret := b.apply("clients: [{id: s}]", false)["s"]
	one, two := newKey(t), newKey(t)
	file := signer(oauth.ES256, jwk(t, one.Public(), "one"))
	plan := b.plan(file, false).String()
	for _, want := range []string{
		"auth_methods client_secret_basic, client_secret_post -> private_key_jwt", "token_endpoint_auth_signing_alg (none) -> ES256",
		"key one (none) -> ES256 " + thumbprint(t, one), "secret " + client.HashSecret(secret).ID + " never expires -> (none)",
	} {
		if !strings.Contains(plan, want) {
			t.Errorf("plan =\n%s, want %q in it", plan, want)
		}
	}
	if secrets := b.apply(file, false); len(secrets) != 0 {
		t.Errorf("apply made secrets for %v, want none", slices.Collect(maps.Keys(secrets)))
	}
	if err := b.authenticate("s", secret); !errors.Is(err, client.ErrSecret) {
		t.Errorf("the secret from before = %v, want ErrSecret", err)
	}
	if again := b.plan(file, false); len(again.Pending()) != 0 {
		t.Errorf("plan after apply =\n%s, want nothing", again)
	}
	// The members in another order, and those that decide nothing, are no change.
	pub := jwk(t, one.Public(), "one")
	same := strings.Replace(strings.TrimSuffix(pub, "}"), "{", `{"use":"sig","alg":"ES256","ext":true,`, 1) + "}"
	if again := b.plan(signer(oauth.ES256, same), false); len(again.Pending()) != 0 {
		t.Errorf("plan of the same key in other words =\n%s, want nothing", again)
	}
	next := b.plan(signer(oauth.ES256, pub, jwk(t, two.Public(), "two")), false).String()
	if !strings.Contains(next, "key two (none) -> ES256 "+thumbprint(t, two)) || strings.Contains(next, "key one") {
		t.Errorf("plan of a second key =\n%s, want that key only", next)
	}
	changed := b.plan(signer(oauth.ES256, jwk(t, two.Public(), "one")), false).String()
	if !strings.Contains(changed, "key one ES256 "+thumbprint(t, one)+" -> ES256 "+thumbprint(t, two)) {
		t.Errorf("plan of another key under its kid =\n%s, want that to be seen", changed)
	}
}

func thumbprint(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	k := jose.JSONWebKey{Key: key.Public()}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// A change of any field of a client, a resource or a user shows in the plan and is
// written, and a field that is left out is removed.
func TestEveryFieldIsCompared(t *testing.T) {
	const with = `
resources:
  - {id: https://api.example.com, scopes: {read: Read}, self_registered: [read]}
clients:
  - id: app
    grants: [authorization_code, refresh_token, "urn:ietf:params:oauth:grant-type:token-exchange"]
    first_party: true
    access: [{resource: https://api.example.com, scopes: [read]}]
    redirect_uris: [https://app.example.com/cb]
    exchanges: [https://api.example.com]
    identity: [openid, email]
    post_logout_redirect_uris: [https://app.example.com/bye]
    backchannel_logout_uri: https://app.example.com/logout
    id_token_signed_response_alg: RS256
    require_pushed_authorization_requests: true
    dpop_bound_access_tokens: true
    dpop_nonce: true
users:
  - {user_name: ann, email: ann@example.com, email_verified: true}
`
	const without = `
resources:
  - {id: https://api.example.com, scopes: {read: Read}}
clients:
  - id: app
    grants: [authorization_code, refresh_token, "urn:ietf:params:oauth:grant-type:token-exchange"]
    first_party: true
    access: [{resource: https://api.example.com, scopes: [read]}]
    redirect_uris: [https://app.example.com/cb]
users:
  - {user_name: ann, email: ann@example.com}
`
	b := newBench(t)
	b.apply(without, false)
	if got, want := b.plan(with, false).String(), strings.TrimPrefix(`
~ resource  https://api.example.com  self_registered (none) -> read
~ client    app                      exchanges (none) -> https://api.example.com
                                     identity (none) -> openid, email
                                     post_logout_redirect_uris (none) -> https://app.example.com/bye
                                     backchannel_logout_uri (none) -> https://app.example.com/logout
                                     id_token_signed_response_alg (none) -> RS256
                                     require_pushed_authorization_requests (none) -> yes
                                     dpop_bound_access_tokens (none) -> yes
                                     dpop_nonce (none) -> yes
~ user      ann                      email_verified (none) -> yes

0 to create, 3 to update, 0 to delete, 0 unchanged.
`, "\n"); got != want {
		t.Errorf("plan =\n%s, want\n%s", got, want)
	}
	before := b.scan(b.Table)
	b.apply(with, false)
	if again := b.plan(with, true); len(again.Pending()) != 0 {
		t.Errorf("plan after apply =\n%s, want nothing", again)
	}
	store := &client.Store{DB: b.DB, Table: b.Table, Now: httpapi.Now}
	if c, err := store.Client(t.Context(), "app"); err != nil || !c.RequirePAR || !c.MayExchange("https://api.example.com") {
		t.Errorf("Client(app) = %+v, %v, want what the file says", c, err)
	}
	b.apply(without, false)
	after := b.scan(b.Table)
	for _, it := range slices.Concat(before, after) {
		delete(it, "rev") // counts the writes
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the table after the fields were left out again =\n%v, want\n%v", after, before)
	}
}
