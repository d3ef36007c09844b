package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

const issuer = "https://auth.example.com"

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// authority is an issuer in memory.
type authority struct {
	document *keys.Document
	minter   *token.Minter
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	d, err := keys.Generate(now)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{document: d}
	a.minter = &token.Minter{
		Issuer: issuer,
		Keys:   func(context.Context) (*keys.Document, error) { return a.document, nil },
		Now:    func(context.Context) time.Time { return now },
	}
	return a
}

func (a *authority) keys(_ context.Context, kid string) (keys.Verifying, error) {
	publics, err := a.document.Public()
	if err != nil {
		return keys.Verifying{}, err
	}
	for _, p := range publics {
		if p.ID == kid {
			return p.Verifying()
		}
	}
	return keys.Verifying{}, keys.ErrUnknown
}

func (a *authority) verify(value string) (*token.Claims, error) {
	return token.Verify(context.Background(), value, token.Expect{
		Issuer: issuer, Type: token.AccessType, Keys: a.keys, Now: now,
	})
}

func (a *authority) mint(t testing.TB, alg string, audience ...string) *token.Token {
	t.Helper()
	minted, err := a.minter.Mint(context.Background(), token.Request{
		Subject: "worker", ClientID: "worker", Audience: audience, Scope: "a b", Algorithm: alg, Lifetime: 5 * time.Minute,
	})
	if err != nil {
		t.Fatalf("Mint(%s): %v", alg, err)
	}
	return minted
}

func part(t testing.TB, value string, n int) map[string]any {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(value, ".")[n])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMint(t *testing.T) {
	a := newAuthority(t)
	for _, alg := range keys.Algorithms {
		minted := a.mint(t, alg, "https://api.example.com")
		active, _ := a.document.Active(alg)
		head, claims := part(t, minted.Value, 0), part(t, minted.Value, 1)
		if head["alg"] != alg || head["typ"] != "at+jwt" || head["kid"] != active.ID || len(head) != 3 {
			t.Errorf("header for %s = %v", alg, head)
		}
		for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"} {
			if claims[name] == nil {
				t.Errorf("claims lack %s: %v", name, claims)
			}
		}
		if claims["aud"] != "https://api.example.com" || claims["iss"] != issuer {
			t.Errorf("claims = %v", claims)
		}
		got, err := a.verify(minted.Value)
		if err != nil || got.ID != minted.ID || got.Scope != "a b" {
			t.Errorf("verify = %+v, %v", got, err)
		}
	}
	several := part(t, a.mint(t, oauth.ES256, "https://a.example", "https://b.example").Value, 1)
	if list, ok := several["aud"].([]any); !ok || len(list) != 2 {
		t.Errorf("aud = %v, want an array of two", several["aud"])
	}
}

func TestLifetimesDiffer(t *testing.T) {
	a := newAuthority(t)
	seen := map[time.Duration]bool{}
	for range 100 {
		minted := a.mint(t, oauth.ES256, "https://api.example.com")
		if minted.Lifetime > 5*time.Minute || minted.Lifetime < 285*time.Second {
			t.Fatalf("lifetime = %v, want 285 s to 300 s", minted.Lifetime)
		}
		claims, err := a.verify(minted.Value)
		if err != nil || claims.Expires-claims.IssuedAt != int64(minted.Lifetime.Seconds()) {
			t.Fatalf("exp - iat = %d, %v, want %v", claims.Expires-claims.IssuedAt, err, minted.Lifetime)
		}
		seen[minted.Lifetime] = true
	}
	if len(seen) < 3 {
		t.Errorf("100 tokens have %d lifetimes, want them spread", len(seen))
	}
}

func TestMinterFollowsARotation(t *testing.T) {
	a := newAuthority(t)
	before := a.mint(t, oauth.ES256, "https://api.example.com")
	next, err := a.document.Advance(now.Add(keys.CacheLife))
	if err != nil {
		t.Fatal(err)
	}
	a.document = next
	after := a.mint(t, oauth.ES256, "https://api.example.com")
	if part(t, before.Value, 0)["kid"] == part(t, after.Value, 0)["kid"] {
		t.Error("the kid is the same after a rotation")
	}
	for _, value := range []string{before.Value, after.Value} {
		if _, err := a.verify(value); err != nil {
			t.Errorf("verify after a rotation: %v", err)
		}
	}
}

// forge signs any header and claims with the authority's own active ES256 key.
func (a *authority) forge(t testing.TB, head, claims string) string {
	t.Helper()
	k, _ := a.document.Active(oauth.ES256)
	signer, err := k.Signer()
	if err != nil {
		t.Fatal(err)
	}
	input := b64([]byte(strings.ReplaceAll(head, "KID", k.ID))) + "." + b64([]byte(claims))
	return input + "." + b64(sign(t, signer.(*ecdsa.PrivateKey), input))
}

func sign(t testing.TB, key *ecdsa.PrivateKey, input string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

const (
	goodHead   = `{"alg":"ES256","typ":"at+jwt","kid":"KID"}`
	goodClaims = `{"iss":"https://auth.example.com","sub":"worker","aud":"https://api.example.com","exp":1795349000,"iat":1795348800,"jti":"j","client_id":"worker"}`
)

// TestForgedTokens has every forgery that is known to have worked against a real server.
func TestForgedTokens(t *testing.T) {
	a := newAuthority(t)
	if now.Unix() != 1795348800 {
		t.Fatalf("now = %d: the claims below are off", now.Unix())
	}
	if _, err := a.verify(a.forge(t, goodHead, goodClaims)); err != nil {
		t.Fatalf("the token that the forgeries vary is refused: %v", err)
	}
	good := a.mint(t, oauth.ES256, "https://api.example.com").Value
	parts := strings.Split(good, ".")
	active, _ := a.document.Active(oauth.ES256)
	stranger, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	claims := func(from, to string) string {
		changed := strings.Replace(goodClaims, from, to, 1)
		if changed == goodClaims {
			t.Fatalf("the claims hold no %s", from)
		}
		return a.forge(t, goodHead, changed)
	}
	tests := map[string]string{
		"empty":                     "",
		"no token":                  "tsr_abc",
		"two parts":                 parts[0] + "." + parts[1],
		"four parts":                good + ".",
		"five parts":                good + ".x.y",
		"alg none":                  b64([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+active.ID+`"}`)) + "." + parts[1] + ".",
		"alg none with a signature": b64([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+active.ID+`"}`)) + "." + parts[1] + "." + parts[2],
		"HS256 over the public key": hs256(t, a, active),
		"another algorithm's name":  a.forge(t, strings.Replace(goodHead, "ES256", "RS256", 1), goodClaims),
		"lower-case algorithm":      a.forge(t, strings.Replace(goodHead, "ES256", "es256", 1), goodClaims),
		"signed by another key": func() string {
			input := parts[0] + "." + parts[1]
			return input + "." + b64(sign(t, stranger, input))
		}(),
		"embedded key":           embeddedKey(t, stranger, active.ID),
		"key by URL":             a.forge(t, `{"alg":"ES256","typ":"at+jwt","kid":"KID","jku":"https://evil.example/jwks"}`, goodClaims),
		"certificate by URL":     a.forge(t, `{"alg":"ES256","typ":"at+jwt","kid":"KID","x5u":"https://evil.example/x"}`, goodClaims),
		"critical extension":     a.forge(t, `{"alg":"ES256","typ":"at+jwt","kid":"KID","crit":["exp"],"exp":1}`, goodClaims),
		"b64 false":              a.forge(t, `{"alg":"ES256","typ":"at+jwt","kid":"KID","b64":false}`, goodClaims),
		"header member twice":    a.forge(t, `{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"KID"}`, goodClaims),
		"kid is a path":          a.forge(t, strings.Replace(goodHead, "KID", "../../KID", 1), goodClaims),
		"kid is missing":         a.forge(t, `{"alg":"ES256","typ":"at+jwt"}`, goodClaims),
		"kid is a number":        a.forge(t, `{"alg":"ES256","typ":"at+jwt","kid":7}`, goodClaims),
		"typ of an id token":     a.forge(t, strings.Replace(goodHead, "at+jwt", "JWT", 1), goodClaims),
		"no typ":                 a.forge(t, `{"alg":"ES256","kid":"KID"}`, goodClaims),
		"payload changed":        parts[0] + "." + b64([]byte(goodClaims)) + "." + parts[2],
		"signature cut":          good[:len(good)-4],
		"signature empty":        parts[0] + "." + parts[1] + ".",
		"spare bits in base64":   good[:len(good)-1] + respell(good[len(good)-1]),
		"padding":                good + "==",
		"line break":             parts[0] + "." + parts[1] + ".\n" + parts[2],
		"claim twice":            claims(`"sub":"worker"`, `"sub":"admin","sub":"worker"`),
		"another issuer":         claims(issuer, "https://evil.example"),
		"issuer with a slash":    claims(issuer, issuer+"/"),
		"expired":                claims("1795349000", "1795348800"),
		"no expiry":              claims(`"exp":1795349000,`, ""),
		"expiry as a string":     claims("1795349000", `"1795349000"`),
		"issued in the future":   claims("1795348800", "1795348900"),
		"not valid yet":          claims(`"jti"`, `"nbf":1795348900,"jti"`),
		"no audience":            claims(`"aud":"https://api.example.com",`, ""),
		"empty audience":         claims(`"https://api.example.com"`, `""`),
		"audience is an object":  claims(`"https://api.example.com"`, `{}`),
		"no client":              claims(`,"client_id":"worker"`, ""),
		"no subject":             claims(`"sub":"worker",`, ""),
		"no id":                  claims(`"jti":"j",`, ""),
		"claims are an array":    a.forge(t, goodHead, "["+goodClaims+"]"),
		"something after claims": a.forge(t, goodHead, goodClaims+"{}"),
		"too long":               a.forge(t, goodHead, strings.Replace(goodClaims, "{", `{"x":"`+strings.Repeat("x", 5000)+`",`, 1)),
		"upper case":             strings.ToUpper(good),
		"space in front":         " " + good,
	}
	for name, forged := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := a.verify(forged)
			if !errors.Is(err, token.ErrInvalid) || got != nil {
				t.Errorf("verify(%q) = %+v, %v, want ErrInvalid", forged, got, err)
			}
		})
	}
}

// respell returns another base64url character that decodes to the same significant bits
// at the end of a 64-byte signature.
func respell(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

func hs256(t testing.TB, a *authority, k *keys.Key) string {
	t.Helper()
	publics, err := a.document.Public()
	if err != nil {
		t.Fatal(err)
	}
	input := b64([]byte(`{"alg":"HS256","typ":"at+jwt","kid":"`+k.ID+`"}`)) + "." + b64([]byte(goodClaims))
	mac := hmac.New(sha256.New, publics[0].JWK)
	mac.Write([]byte(input))
	return input + "." + b64(mac.Sum(nil))
}

func embeddedKey(t testing.TB, key *ecdsa.PrivateKey, kid string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("at+jwt").WithHeader("kid", kid))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(goodClaims))
	if err != nil {
		t.Fatal(err)
	}
	value, _ := signed.CompactSerialize()
	return value
}

// An outage of the key store is an error that is not ErrInvalid.
func TestOutageIsNotAVerdict(t *testing.T) {
	a := newAuthority(t)
	down := errors.New("table is down")
	_, err := token.Verify(context.Background(), a.mint(t, oauth.ES256, "x").Value, token.Expect{
		Issuer: issuer, Type: token.AccessType, Now: now,
		Keys: func(context.Context, string) (keys.Verifying, error) { return keys.Verifying{}, down },
	})
	if !errors.Is(err, down) || errors.Is(err, token.ErrInvalid) {
		t.Errorf("Verify = %v, want the outage", err)
	}
}

// FuzzVerify mutates tokens: only a token that the authority signed is valid.
func FuzzVerify(f *testing.F) {
	a := newAuthority(f)
	good := a.mint(f, oauth.ES256, "https://api.example.com").Value
	f.Add(good)
	f.Add(a.forge(f, goodHead, goodClaims))
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, value string) {
		got, err := a.verify(value)
		if err == nil && value != good && !strings.HasPrefix(value, strings.Join(strings.Split(value, ".")[:2], ".")) {
			t.Errorf("verify(%q) = %+v", value, got)
		}
		if err != nil && !errors.Is(err, token.ErrInvalid) {
			t.Errorf("verify(%q) = %v, want ErrInvalid", value, err)
		}
		if (got == nil) != (err != nil) {
			t.Errorf("verify(%q) = %v, %v", value, got, err)
		}
	})
}
