package clientauth_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/token/tokentest"
)

func TestAlgorithmsOfAssertions(t *testing.T) {
	b := newBench(t)
	edPublic, ed, _ := ed25519.GenerateKey(rand.Reader)
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve := tokentest.NewKey(t)
	b.register("ed", "EdDSA", keySet(t, "k", edPublic))
	b.register("rs", "RS256", keySet(t, "k", long.Public()))
	b.register("ps", "PS256", keySet(t, "k", long.Public()))
	b.register("silent", "", keySet(t, "k", curve.Public()))
	b.register("mixed", "RS256", keySet(t, "k", curve.Public()))
	b.register("secretive", "HS256", keySet(t, "k", []byte(strings.Repeat("k", 32))))
	for _, tt := range []struct {
		id, alg string
		key     any
		good    bool
	}{
		{"ed", "EdDSA", ed, true},
		{"rs", "RS256", long, true},
		{"ps", "PS256", long, true},
		{"silent", "ES256", curve, true}, // as for id tokens
		{"rs", "PS256", long, false},
		{"ps", "RS256", long, false},
		{"mixed", "ES256", curve, false},
		{"secretive", "HS256", []byte(strings.Repeat("k", 32)), false},
	} {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(tt.alg), Key: tt.key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		claims, _ := json.Marshal(map[string]any{
			"iss": tt.id, "sub": tt.id, "aud": routetest.Issuer, "jti": rand.Text(), "exp": b.Time.Unix() + 60,
		})
		signed, err := s.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := signed.CompactSerialize() // without a kid: there is one key
		c, err := b.guard.Authenticate(asserted(text))
		if (err == nil) != tt.good || err != nil && refused(t, err) != oauth.InvalidClient {
			t.Errorf("%s by %s = %v, %v, want good %t", tt.id, tt.alg, c, err, tt.good)
		}
	}
}

// A new key of the client works at once, and a removed one not for longer than the
// cache lasts.
func TestKeysRotate(t *testing.T) {
	b := newBench(t)
	if _, err := b.guard.Authenticate(asserted(b.sign(nil))); err != nil {
		t.Fatal(err)
	}
	before := b.key
	b.key = tokentest.NewKey(t)
	b.register(signer, oauth.ES256, keySet(t, "one", b.key.Public()))
	if _, err := b.guard.Authenticate(asserted(b.sign(nil))); err != nil {
		t.Errorf("with the new key = %v, want nil", err)
	}
	b.key = before
	b.Pass(client.DefaultTTL)
	if _, err := b.guard.Authenticate(asserted(b.sign(nil))); refused(t, err) != oauth.InvalidClient {
		t.Errorf("with the old key = %v, want invalid_client", err)
	}
}

// A client has two live secrets while one replaces the other.
func TestTwoLiveSecrets(t *testing.T) {
	b := newBench(t)
	first, second, dead := client.NewSecret(), client.NewSecret(), client.NewSecret()
	c := b.Client("two")
	c.AuthMethods = []string{oauth.ClientSecretPost}
	ending := client.HashSecret(first)
	ending.NotAfter = b.Time.Add(time.Minute)
	c.Secrets = []client.Secret{ending, client.HashSecret(second)}
	if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new(b.Table(contract.Registry)), Item: client.EncodeClient(&c)}); err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]bool{first: true, second: true, dead: false} {
		if _, err := b.Auth().Authenticate(credentials("two", secret)); (err == nil) != want {
			t.Errorf("a secret = %v, want good %t", err, want)
		}
	}
	b.Pass(time.Minute)
	for secret, want := range map[string]bool{first: false, second: true} {
		if _, err := b.Auth().Authenticate(credentials("two", secret)); (err == nil) != want {
			t.Errorf("a secret after the first has ended = %v, want good %t", err, want)
		}
	}
}
