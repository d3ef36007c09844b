package stack_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// TestRotation: after two rotations a token of an older key is still valid until it
// expires, at introspection and by verification. New tokens are signed by the key
// that was next.
func TestRotation(t *testing.T) {
	s, clock := start(t)
	issued := []string{token(t, s)}
	signers := map[string]bool{kid(t, issued[0]): true}

	for round := range 2 {
		age(t, s, keys.CacheLife+time.Minute)
		rotate(t, s)
		for i, old := range issued {
			verifies(t, s, clock, old)
			if !active(t, s, old) {
				t.Errorf("rotation %d: token %d is not active any more", round+1, i)
			}
		}
		// A process reads the keys again every ten minutes.
		clock.pass(11 * time.Minute)
		fresh := token(t, s)
		verifies(t, s, clock, fresh)
		if !active(t, s, fresh) {
			t.Errorf("rotation %d: a token of the new key is not active", round+1)
		}
		if signers[kid(t, fresh)] {
			t.Errorf("rotation %d: a new token is signed by an old key", round+1)
		}
		signers[kid(t, fresh)] = true
		issued = []string{fresh}
	}
}

// TestRotationTooEarly: a rotation is refused when verifiers may not have fetched the
// next key yet. The keys do not change.
func TestRotationTooEarly(t *testing.T) {
	s, _ := start(t)
	before := versions(t, s)["AWSCURRENT"]
	name := describe(t, s).Name
	if _, err := s.SecretsManager().RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: name}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the function says that it is too early", func() bool {
		return strings.Contains(s.Logs.All()["rotate"], "may not rotate before")
	})
	if now := versions(t, s)["AWSCURRENT"]; now != before {
		t.Errorf("the current version moved from %s to %s, want it to stay", before, now)
	}
	if !active(t, s, token(t, s)) {
		t.Error("after the refused rotation a fresh token is not active")
	}
}

// rotate rotates the secret and waits until the new version is current.
func rotate(t *testing.T, s *fixture.Stack) {
	t.Helper()
	before := versions(t, s)["AWSCURRENT"]
	if _, err := s.SecretsManager().RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: describe(t, s).Name}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another version is current", func() bool { return versions(t, s)["AWSCURRENT"] != before })
}

// eventually waits until a condition holds that depends on work in the background.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10 seconds in vain: %s", what)
		}
	}
}

// age makes the keys older, so that they may rotate again. An operator has the
// permission for it, a function does not.
func age(t *testing.T, s *fixture.Stack, by time.Duration) {
	t.Helper()
	name := describe(t, s).Name
	out, err := s.SecretsManager().GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: name})
	if err != nil {
		t.Fatal(err)
	}
	document, err := keys.Parse([]byte(*out.SecretString))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range document.Signing {
		key.Created = key.Created.Add(-by)
	}
	data, err := document.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	_, err = s.SecretsManager().PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: name, SecretString: &text,
		// A pending version beside the current one would be an unfinished
		// rotation, which the next one takes up again.
		VersionStages: []string{"AWSCURRENT", "AWSPENDING"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// verifies verifies a token as an API without introspection does: by the keys that are
// published now.
func verifies(t *testing.T, s *fixture.Stack, clock *clock, presented string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	verifier := oidc.NewVerifier(s.BaseURL(), oidc.NewRemoteKeySet(ctx, s.BaseURL()+"/jwks"), &oidc.Config{
		ClientID: fixture.Orders, SupportedSigningAlgs: []string{oidc.ES256}, Now: clock.now,
	})
	if _, err := verifier.Verify(ctx, presented); err != nil {
		t.Errorf("token of key %s: %v, want it to verify", kid(t, presented), err)
	}
}

// kid returns the id of the key that signed a token.
func kid(t *testing.T, presented string) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(presented, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Header.KeyID
}
