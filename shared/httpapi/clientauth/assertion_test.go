package clientauth_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

// signer is a client with the method private_key_jwt.
const signer = "signer"

// bench is a stage with such a client and one of its two keys.
type bench struct {
	*routetest.Home
	guard *clientauth.Guard
	key   crypto.Signer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Home: routetest.Furnish(t), key: tokentest.NewKey(t)}
	b.register(signer, oauth.ES256, keySet(t, "one", b.key.Public(), "two", tokentest.NewKey(t).Public()))
	b.guard = b.Auth()
	return b
}

func (b *bench) register(id, alg string, set json.RawMessage) {
	b.T.Helper()
	c := b.Client(id)
	c.AuthMethods, c.KeySet, c.AssertionAlgorithm = []string{oauth.PrivateKeyJWT}, set, alg
	b.Register(c)
}

// keySet is made of pairs of a kid and a public key.
func keySet(t testing.TB, pairs ...any) json.RawMessage {
	t.Helper()
	var set jose.JSONWebKeySet
	for i := 0; i < len(pairs); i += 2 {
		set.Keys = append(set.Keys, jose.JSONWebKey{KeyID: pairs[i].(string), Key: pairs[i+1], Use: "sig"})
	}
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// mold makes assertions of the client.
func (b *bench) mold() tokentest.Mold {
	return tokentest.Mold{
		Key: b.key, KeyID: "one", Types: []string{"", "JWT", "client-authentication+jwt"}, Now: b.Time,
		Claims: map[string]any{
			"iss": signer, "sub": signer, "aud": routetest.Issuer, "jti": "j", "iat": b.Time.Unix(), "exp": b.Time.Unix() + 60,
		},
	}
}

func (b *bench) sign(claims map[string]any) string {
	b.T.Helper()
	return b.mold().Sign(b.T, func(_, c map[string]any) {
		for name, value := range claims {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	})
}

// asserted is a request with an assertion, and more parameters in pairs.
func asserted(assertion string, more ...string) *http.Request {
	r := routetest.Form("/", nil)
	r.PostForm = url.Values{"client_assertion_type": {clientauth.AssertionType}, "client_assertion": {assertion}}
	for i := 0; i < len(more); i += 2 {
		r.PostForm.Set(more[i], more[i+1])
	}
	return r
}

// refused returns the code of the refusal, and fails unless it has the usual words.
func refused(t *testing.T, err error) oauth.Code {
	t.Helper()
	refusal, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		return ""
	}
	if refusal.Code == oauth.InvalidClient && refusal.Detail != "client authentication failed" {
		t.Errorf("the refusal says %q, want the usual words", refusal.Detail)
	}
	return refusal.Code
}

func TestAssertion(t *testing.T) {
	b := newBench(t)
	for name, request := range map[string]*http.Request{
		"alone":                         asserted(b.sign(nil)),
		"beside its client_id":          asserted(b.sign(nil), "client_id", signer),
		"aud in a list":                 asserted(b.sign(map[string]any{"aud": []string{routetest.Issuer}})),
		"no iat":                        asserted(b.sign(map[string]any{"iat": nil})),
		"five minutes ahead":            asserted(b.sign(map[string]any{"exp": b.Time.Add(5 * time.Minute).Unix()})),
		"a clock that is a bit slow":    asserted(b.sign(map[string]any{"exp": b.Time.Add(-29 * time.Second).Unix()})),
		"a clock that is a bit fast":    asserted(b.sign(map[string]any{"iat": b.Time.Add(29 * time.Second).Unix(), "exp": b.Time.Add(329 * time.Second).Unix()})),
		"fractions of a second":         asserted(b.sign(map[string]any{"iat": float64(b.Time.Unix()) + 0.25, "exp": float64(b.Time.Unix()) + 60.75})),
		"typ JWT":                       asserted(b.mold().Sign(t, func(h, _ map[string]any) { h["typ"] = "JWT" })),
		"typ client-authentication+jwt": asserted(b.mold().Sign(t, func(h, _ map[string]any) { h["typ"] = "client-authentication+jwt" })),
	} {
		if c, err := b.guard.Authenticate(request); err != nil || c.ID != signer {
			t.Errorf("%s: Authenticate = %v, %v, want the client", name, c, err)
		}
	}
	if c, err := b.guard.Identify(asserted(b.sign(nil))); err != nil || c.ID != signer {
		t.Errorf("Identify = %v, %v, want the client", c, err)
	}
}

// Keycloak CVE-2026-11800: HS256 over the public key, and every
// other forgery of the table, is refused as an assertion.
func TestKeycloakCVE202611800EveryForgery(t *testing.T) {
	b := newBench(t)
	m := b.mold()
	if _, err := b.guard.Authenticate(asserted(m.Sign(t, nil))); err != nil {
		t.Fatalf("the good one = %v", err)
	}
	for _, f := range m.Forge(t) {
		c, err := b.guard.Authenticate(asserted(f.JWT, "client_id", signer))
		if err == nil || c != nil || refused(t, err) != oauth.InvalidClient {
			t.Errorf("%s = %v, %v, want invalid_client: %s", f, c, err, f.JWT)
		}
	}
}

func TestAssertionsThatAreRefused(t *testing.T) {
	b := newBench(t)
	b.register("other", oauth.ES256, keySet(t, "one", tokentest.NewKey(t).Public()))
	off := b.Client("off")
	off.AuthMethods, off.KeySet, off.Disabled = []string{oauth.PrivateKeyJWT}, keySet(t, "one", b.key.Public()), true
	b.Register(off)
	b.register("keyless", oauth.ES256, nil)
	who := func(id string) map[string]any { return map[string]any{"iss": id, "sub": id} }
	at := func(d time.Duration) int64 { return b.Time.Add(d).Unix() }
	for name, request := range map[string]*http.Request{
		"another client_id":                asserted(b.sign(nil), "client_id", "other"),
		"an endpoint as aud":               asserted(b.sign(map[string]any{"aud": routetest.Issuer + "/token"})),
		"the issuer with a slash":          asserted(b.sign(map[string]any{"aud": routetest.Issuer + "/"})),
		"the issuer and another":           asserted(b.sign(map[string]any{"aud": []string{routetest.Issuer, "https://evil.example"}})),
		"the issuer twice":                 asserted(b.sign(map[string]any{"aud": []string{routetest.Issuer, routetest.Issuer}})),
		"no sub":                           asserted(b.sign(map[string]any{"sub": nil})),
		"iss and sub differ":               asserted(b.sign(map[string]any{"sub": "other"})),
		"sub and iss differ":               asserted(b.sign(map[string]any{"iss": "other"})),
		"a client that is not there":       asserted(b.sign(who("nobody"))),
		"an id that no client has":         asserted(b.sign(who("no body"))),
		"a NUL after the id":               asserted(b.sign(who(signer + "\x00"))),
		"a client that is a document":      asserted(b.sign(who("https://app.example.com/client"))),
		"another client":                   asserted(b.sign(who("other"))),
		"a disabled client":                asserted(b.sign(who("off"))),
		"a client without keys":            asserted(b.sign(who("keyless"))),
		"a public client":                  asserted(b.sign(who(routetest.Phone))),
		"a public client, named":           asserted(b.sign(who(routetest.Phone)), "client_id", routetest.Phone),
		"a client with a secret":           asserted(b.sign(who(routetest.Backend))),
		"no jti":                           asserted(b.sign(map[string]any{"jti": nil})),
		"an empty jti":                     asserted(b.sign(map[string]any{"jti": ""})),
		"a long jti":                       asserted(b.sign(map[string]any{"jti": strings.Repeat("j", 257)})),
		"a jti that is a number":           asserted(b.sign(map[string]any{"jti": 7})),
		"no exp":                           asserted(b.sign(map[string]any{"exp": nil})),
		"expired half a minute ago":        asserted(b.sign(map[string]any{"exp": at(-30 * time.Second)})),
		"more than five minutes ahead":     asserted(b.sign(map[string]any{"exp": at(5*time.Minute + 31*time.Second)})),
		"not valid for a minute":           asserted(b.sign(map[string]any{"nbf": at(time.Minute)})),
		"made in a minute":                 asserted(b.sign(map[string]any{"iat": at(time.Minute), "exp": at(2 * time.Minute)})),
		"no kid where there are two keys":  asserted(b.mold().Sign(t, func(h, _ map[string]any) { delete(h, "kid") })),
		"the kid of the other key":         asserted(b.mold().Sign(t, func(h, _ map[string]any) { h["kid"] = "two" })),
		"an access token of ours":          asserted(b.Grant(routetest.Phone, b.Ada).Access.Value, "client_id", routetest.Phone),
		"a DPoP proof":                     asserted(b.mold().Sign(t, func(h, _ map[string]any) { h["typ"] = "dpop+jwt" })),
		"an id token":                      asserted(b.mold().Sign(t, func(h, _ map[string]any) { h["typ"] = "id+jwt" })),
		"the right one with a line end":    asserted(b.sign(nil) + "\n"),
		"its parts in another client's id": asserted(b.sign(nil), "client_id", signer+"x"),
	} {
		c, err := b.guard.Authenticate(request)
		if err == nil || c != nil || refused(t, err) != oauth.InvalidClient {
			t.Errorf("%s = %v, %v, want invalid_client", name, c, err)
		}
	}
}

// Keycloak CVE-2026-16093: a client with the method private_key_jwt does not
// authenticate with a secret beside an assertion that is not checked.
func TestKeycloakCVE202616093SecretAndJunkAssertion(t *testing.T) {
	b := newBench(t)
	both := b.Client("both")
	both.AuthMethods, both.KeySet = []string{oauth.PrivateKeyJWT}, keySet(t, "one", b.key.Public())
	// Register gives it a secret: this client changed its method, and its old secret
	// is still stored.
	stored := b.Register(both)
	for name, tt := range map[string]struct {
		request *http.Request
		code    oauth.Code
	}{
		"secret and junk":             {asserted("junk", "client_id", "both", "client_secret", stored), oauth.InvalidRequest},
		"secret and a good assertion": {asserted(b.sign(map[string]any{"iss": "both", "sub": "both"}), "client_id", "both", "client_secret", stored), oauth.InvalidRequest},
		"secret alone":                {credentials("both", stored), oauth.InvalidClient},
		"nothing but its id":          {credentials("both", ""), oauth.InvalidClient},
		"junk alone":                  {asserted("junk", "client_id", "both"), oauth.InvalidClient},
	} {
		for verb, ask := range map[string]func(*http.Request) (*client.Client, error){"Identify": b.guard.Identify, "Authenticate": b.guard.Authenticate} {
			if c, err := ask(tt.request); err == nil || c != nil || refused(t, err) != tt.code {
				t.Errorf("%s: %s = %v, %v, want %s", name, verb, c, err, tt.code)
			}
		}
	}
	basicAndJunk := asserted("junk")
	basicAndJunk.Header.Set("Authorization", basic("both:"+stored))
	if _, err := b.guard.Authenticate(basicAndJunk); refused(t, err) != oauth.InvalidRequest {
		t.Errorf("Basic and junk = %v, want invalid_request", err)
	}
	// A public client with an invalid assertion is refused.
	if _, err := b.guard.Identify(asserted("junk", "client_id", routetest.Phone)); refused(t, err) != oauth.InvalidClient {
		t.Errorf("a public client with junk = %v, want invalid_client", err)
	}
}

// FuzzAssertion: no bytes from outside authenticate a client.
func FuzzAssertion(f *testing.F) {
	h := routetest.Furnish(f)
	b := &bench{Home: h, key: tokentest.NewKey(f), guard: h.Auth()}
	b.register(signer, oauth.ES256, keySet(f, "one", tokentest.NewKey(f).Public()))
	good := b.sign(nil)
	f.Add(good)
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`)) + ".e30.eA")
	for i, forged := range b.mold().Forge(f) {
		if i%9 == 0 {
			f.Add(forged.JWT)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := b.guard.Authenticate(asserted(text))
		refusal, ok := errors.AsType[*oauth.Error](err)
		if c != nil || !ok || refusal.Code != oauth.InvalidClient {
			t.Errorf("Authenticate(%q) = %v, %v, want invalid_client", text, c, err)
		}
	})
}
