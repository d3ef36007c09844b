package passkey_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/session"
)

func TestOptionsOfASignIn(t *testing.T) {
	b := newBench(t)
	o := members(t, b.ask())
	if o["rpId"] != "auth.example.com" || o["userVerification"] != "required" || o["timeout"] != 300000.0 || o["allowCredentials"] != nil {
		t.Errorf("options = %v, want any passkey of this site, with its owner proved, in five minutes", o)
	}
	challenge, err := base64.RawURLEncoding.DecodeString(o["challenge"].(string))
	if err != nil || len(challenge) < 32 {
		t.Errorf("challenge = %v (%v), want base64url of at least 32 bytes", o["challenge"], err)
	}
	if again := b.ask(); members(t, again)["challenge"] == o["challenge"] {
		t.Error("two pages have the same challenge")
	}
}

// The options cost no call, and a sign-in costs two reads and one transaction.
func TestSignIn(t *testing.T) {
	for name, algorithm := range map[string]webauthncose.COSEAlgorithmIdentifier{
		"ES256": webauthncose.AlgES256, "EdDSA": webauthncose.AlgEdDSA, "RS256": webauthncose.AlgRS256,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.device.Algorithm = algorithm
			b.key = b.AddPasskey(b.Ada, b.device)
			b.Pass(time.Minute)
			counter := b.Count()
			b.party = b.Passkeys()
			a := b.prove()
			if a.User.Subject != b.Ada || a.Passkey.ID() != b.key.ID() || a.Regressed || len(a.Also) != 2 {
				t.Fatalf("Verify = %+v, want ada by her passkey, with two writes", a)
			}
			if err := b.enter(a); err != nil {
				t.Fatal(err)
			}
			if want := []string{"GetItem", "GetItem", "TransactWriteItems"}; !slices.Equal(counter.Calls, want) {
				t.Errorf("a sign-in called %v, want %v", counter.Calls, want)
			}
			k := b.stored()
			if k.Count != 1 || !k.Used.Equal(b.Time.UTC()) || k.Name != b.key.Name || !k.Created.Equal(b.key.Created) {
				t.Errorf("stored = %+v, want the counter and the time of the sign-in and the rest as it was", k)
			}
			if err := b.enter(b.prove()); err != nil {
				t.Errorf("the next sign-in = %v, want it to work", err)
			}
			if n := b.Entries(audit.PasskeyRegress); n != 0 {
				t.Errorf("the trail has %d regresses, want none", n)
			}
		})
	}
}

// A synchronised passkey has no counter.
func TestSyncedPasskey(t *testing.T) {
	b := newBench(t)
	b.device.Synced, b.device.Counts = true, 0
	k := b.AddPasskey(b.Ada, b.device)
	if !k.Synced() || b.key.Synced() {
		t.Errorf("Synced = %v, and of the other %v, want true and false", k.Synced(), b.key.Synced())
	}
	for range 2 {
		a := b.prove()
		if err := b.enter(a); err != nil || a.Regressed {
			t.Errorf("sign-in = %v, regressed %v, want it to work", err, a.Regressed)
		}
	}
}

// A forged challenge costs no call.
func TestForgedChallengeCostsNothing(t *testing.T) {
	b := newBench(t)
	counter := b.Count()
	b.party = b.Passkeys()
	b.device.Challenge = make([]byte, 65)
	if _, err := b.verify(b.device.Get(b.ask())); !errors.Is(err, passkey.ErrRefused) || len(counter.Calls) != 0 {
		t.Errorf("Verify = %v with the calls %v, want ErrRefused and none", err, counter.Calls)
	}
}

func TestAChallengeExpires(t *testing.T) {
	b := newBench(t)
	response := b.device.Get(b.ask())
	b.Pass(passkey.Life - time.Millisecond)
	if _, err := b.verify(response); err != nil {
		t.Errorf("just in time = %v, want it to work", err)
	}
	b.Pass(time.Millisecond)
	if _, err := b.verify(response); !errors.Is(err, passkey.ErrExpired) {
		t.Errorf("after five minutes = %v, want ErrExpired", err)
	}
}

// A response signs in once, also with another spelling of the same challenge, and one of
// two concurrent sign-ins succeeds.
func TestReplay(t *testing.T) {
	b := newBench(t)
	response := b.device.Get(b.ask())
	first, err := b.verify(response)
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.verify(response)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.enter(first); err != nil {
		t.Fatal(err)
	}
	if err := b.enter(second); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("the same at the same time = %v, want the challenge to be used", err)
	}
	b.Pass(passkey.Life - time.Second)
	late, err := b.verify(response)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.enter(late); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("the same again = %v, want the challenge to be used", err)
	}
	if n := b.Entries(session.ActionLogin); n != 1 {
		t.Errorf("the trail has %d logins, want 1", n)
	}
}

// A copy of a device has a separate counter. A sign-in with a repeated count succeeds,
// because some devices forget theirs, and leaves an audit entry each time.
func TestClonedAuthenticator(t *testing.T) {
	b := newBench(t)
	clone := b.device.Clone()
	for range 3 {
		if err := b.enter(b.prove()); err != nil {
			t.Fatal(err)
		}
	}
	b.device = clone
	for n := 1; n <= 3; n++ {
		a := b.prove()
		if !a.Regressed || len(a.Also) != 3 {
			t.Errorf("count %d after 3: regressed %v with %d writes, want it to be noticed", n, a.Regressed, len(a.Also))
		}
		if err := b.enter(a); err != nil {
			t.Errorf("count %d after 3 = %v, want it to be let in", n, err)
		}
		if k := b.stored(); k.Count != 3 {
			t.Errorf("the stored count is %d, want the highest that was seen, 3", k.Count)
		}
		if got := b.Entries(audit.PasskeyRegress); got != n {
			t.Errorf("the trail has %d regresses, want %d", got, n)
		}
	}
	if a := b.prove(); a.Regressed || a.Passkey.Count != 4 {
		t.Errorf("count 4: regressed %v, count %d, want neither noticed nor forgotten", a.Regressed, a.Passkey.Count)
	}
}

func TestARemovedPasskeyIsRefused(t *testing.T) {
	b := newBench(t)
	racing := b.prove()
	if err := b.party.Store.Remove(t.Context(), b.ada(), b.key, ""); err != nil {
		t.Fatal(err)
	}
	if err := b.enter(racing); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("a sign-in at the same time = %v, want the passkey to be gone", err)
	}
	if _, err := b.verify(b.device.Get(b.ask())); !errors.Is(err, passkey.ErrUnknown) {
		t.Errorf("a sign-in afterwards = %v, want ErrUnknown", err)
	}
}

// Two devices with the same passkey, or two tabs, can sign in concurrently.
func TestConcurrentSignInsSucceed(t *testing.T) {
	b := newBench(t)
	first, second := b.prove(), b.prove()
	for i, a := range []*passkey.Assertion{second, first} {
		if err := b.enter(a); err != nil {
			t.Errorf("sign-in %d = %v, want both to work", i, err)
		}
	}
}

// A sign-in is refused when the passkey was replaced by one with the same id and another
// key.
func TestAReplacedPasskeyIsRefused(t *testing.T) {
	b := newBench(t)
	racing := b.prove()
	other := b.AddPasskey(b.Ada, b.device.Clone())
	replaced := *b.key
	replaced.Key = other.Key
	b.put(passkey.Encode(&replaced))
	if err := b.enter(racing); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("a sign-in with the key before = %v, want it to be refused", err)
	}
}

// A disabled user gets ErrDisabled only with a valid passkey.
func TestADisabledUserIsRefused(t *testing.T) {
	b := newBench(t)
	racing := b.prove()
	disable := admin.Disabled()
	if _, err := b.Sessions().ChangeUser(t.Context(), b.Ada, disable, session.Cause{Why: session.Disabled, Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := b.enter(racing); !errors.Is(err, session.ErrStale) {
		t.Errorf("a sign-in at the same time = %v, want ErrStale", err)
	}
	_, err := b.verify(b.device.Get(b.ask()))
	disabled, ok := errors.AsType[*passkey.DisabledError](err)
	if !ok || !errors.Is(err, passkey.ErrDisabled) || disabled.User.UserName != "ada" {
		t.Errorf("a sign-in afterwards = %v, want a DisabledError of ada", err)
	}
	b.device.Unverified = true
	if _, err := b.verify(b.device.Get(b.ask())); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("a response that proves nothing = %v, want ErrRefused", err)
	}
}

// A sign-in succeeds when the keys of the stage are rotated between options and response.
func TestSignInOverARotation(t *testing.T) {
	b := newBench(t)
	b.Pass(keys.CacheLife)
	response := b.device.Get(b.ask())
	document, err := b.Document.Advance(b.Time)
	if err != nil {
		t.Fatal(err)
	}
	b.Publish(document)
	if a, err := b.verify(response); err != nil || b.enter(a) != nil {
		t.Errorf("sign-in after a rotation = %v, want it to work", err)
	}
}
