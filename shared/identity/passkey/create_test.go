package passkey_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
)

func TestOptionsOfACreation(t *testing.T) {
	b := newBench(t)
	text, err := b.party.Create(t.Context(), passkey.Person{Subject: b.Ada, UserName: "ada", Name: "Ada L."}, []passkey.Passkey{*b.key}, here)
	if err != nil {
		t.Fatal(err)
	}
	o := members(t, text)
	user := o["user"].(map[string]any)
	if user["id"] != base64.RawURLEncoding.EncodeToString([]byte(b.Ada)) || user["name"] != "ada" || user["displayName"] != "Ada L." {
		t.Errorf("user = %v, want ada, by her subject", user)
	}
	selection := o["authenticatorSelection"].(map[string]any)
	if selection["residentKey"] != "required" || selection["userVerification"] != "required" || o["attestation"] != "none" {
		t.Errorf("options = %v, want a passkey that knows its owner, and no attestation", o)
	}
	if rp := o["rp"].(map[string]any); rp["id"] != "auth.example.com" || rp["name"] != "Tipstaff" {
		t.Errorf("rp = %v, want us", rp)
	}
	var algorithms []float64
	for _, p := range o["pubKeyCredParams"].([]any) {
		algorithms = append(algorithms, p.(map[string]any)["alg"].(float64))
	}
	if !slices.Equal(algorithms, []float64{-7, -8, -257}) {
		t.Errorf("algorithms = %v, want ES256, EdDSA, RS256", algorithms)
	}
	excluded := o["excludeCredentials"].([]any)
	if len(excluded) != 1 || excluded[0].(map[string]any)["id"] != base64.RawURLEncoding.EncodeToString(b.key.Credential) {
		t.Errorf("excluded = %v, want the passkey that she has", excluded)
	}
}

// A passkey can be created for an invited user, with only a subject and a name.
func TestCreateForAnInvitedPerson(t *testing.T) {
	b := newBench(t)
	invited := identity.NewSubject(b.Time)
	text, err := b.party.Create(t.Context(), passkey.Person{Subject: invited}, nil, here)
	if err != nil {
		t.Fatal(err)
	}
	k, err := b.party.Attest(t.Context(), passkey.Registration{
		Subject: invited, Device: "Firefox on Linux", Answer: passkey.Answer{Response: b.device.Create(text), Binding: here},
	})
	if err != nil || k.Subject != invited || k.Name != "Firefox on Linux" {
		t.Fatalf("Attest = %+v, %v, want a passkey of %s", k, err, invited)
	}
	if err := dynamo.Tx(b.party.Store.Adding(t.Context(), k, "")).Run(t.Context(), b.DB); err != nil {
		t.Fatal(err)
	}
	if all, err := b.party.Store.List(t.Context(), invited); err != nil || len(all) != 1 {
		t.Errorf("List = %v, %v, want it", all, err)
	}
}

func TestRegister(t *testing.T) {
	b := newBench(t)
	b.device.Synced, b.device.Transports = true, []string{"internal", "hybrid", "carrier-pigeon", "internal"}
	b.device.AAGUID = []byte{0xea, 0x9b, 0x8d, 0x66, 0x4d, 0x01, 0x1d, 0x21, 0x3c, 0xe4, 0xb6, 0xb4, 0x8c, 0xb5, 0x75, 0xd4}
	counter := b.Count()
	b.party = b.Passkeys()
	u := b.ada()
	counter.Calls = nil
	k, err := b.create("")
	if err != nil || len(counter.Calls) != 0 {
		t.Fatalf("Attest = %v with the calls %v, want it to work without one", err, counter.Calls)
	}
	if err := b.party.Store.Add(t.Context(), u, k, "r-1"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Query", "TransactWriteItems"}; !slices.Equal(counter.Calls, want) {
		t.Errorf("Add called %v, want %v", counter.Calls, want)
	}
	all, err := b.party.Store.List(t.Context(), b.Ada)
	if err != nil || len(all) != 2 {
		t.Fatalf("List = %+v, %v, want two", all, err)
	}
	i := slices.IndexFunc(all, func(p passkey.Passkey) bool { return p.ID() == k.ID() })
	got := all[i]
	if got.Name != "Google Password Manager" || !got.Synced() || !slices.Equal(got.Transports, []string{"internal", "hybrid"}) ||
		!bytes.Equal(got.AAGUID, b.device.AAGUID) || !got.Used.IsZero() || !got.Created.Equal(b.Time.UTC()) {
		t.Errorf("stored = %+v, want what the device said, of it what is known", got)
	}
	if n := b.Entries(audit.PasskeyAdd); n != 2 {
		t.Errorf("the trail has %d additions, want 2", n)
	}
	if again := b.ada(); again.Credentials != u.Credentials+1 {
		t.Errorf("credentials = %d after %d, want one more", again.Credentials, u.Credentials)
	}
}

func TestRefusedRegistrations(t *testing.T) {
	b := newBench(t)
	options := func(binding string) string {
		text, err := b.party.Create(t.Context(), passkey.Person{Subject: b.Ada, UserName: "ada"}, nil, binding)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	tests := []struct {
		name     string
		response func() string
	}{
		{"owner not verified", func() string { b.device.Unverified = true; return b.device.Create(options(here)) }},
		{"no user present", func() string { b.device.Absent = true; return b.device.Create(options(here)) }},
		{"another origin", func() string { b.device.Origin = "https://evil.example"; return b.device.Create(options(here)) }},
		{"in a frame of another site", func() string { b.device.Cross = true; return b.device.Create(options(here)) }},
		{"another relying party", func() string { b.device.RPID = "example.com"; return b.device.Create(options(here)) }},
		{"backed up, and cannot be", func() string { b.device.Flip = 1 << 4; return b.device.Create(options(here)) }},
		{"a made-up challenge", func() string { b.device.Challenge = make([]byte, 65); return b.device.Create(options(here)) }},
		{"a challenge of another login", func() string { return b.device.Create(options(here + "\x00another")) }},
		{"an algorithm that was not offered", func() string {
			b.device.Algorithm = webauthncose.AlgES384
			return b.device.Create(options(here))
		}},
		{"a sign-in in place of a creation", func() string { return b.device.Get(options(here)) }},
		{"another id than the one attested", func() string {
			was, is := b.device.Create(options(here)), b.device.Create(options(here))
			id := members(t, was)["id"].(string)
			return strings.ReplaceAll(is, members(t, is)["id"].(string), id)
		}},
		{"nothing attested", func() string { b.device.Flip = 1 << 6; return b.device.Create(options(here)) }},
		{"a key that is none", func() string {
			response := b.device.Create(options(here))
			m := members(t, response)["response"].(map[string]any)
			was := m["attestationObject"].(string)
			object, err := base64.RawURLEncoding.DecodeString(was)
			if err != nil {
				t.Fatal(err)
			}
			x := bytes.LastIndex(object, []byte{0x21, 0x58, 0x20}) // -2: 32 bytes
			clear(object[x+3 : x+35])
			return strings.Replace(response, was, base64.RawURLEncoding.EncodeToString(object), 1)
		}},
		{"nothing", func() string { return "" }},
		{"an empty object", func() string { return "{}" }},
	}
	honest := *b.device
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			*b.device = honest
			response := tt.response()
			k, err := b.party.Attest(t.Context(), passkey.Registration{
				Subject: b.Ada, Answer: passkey.Answer{Response: response, Binding: here},
			})
			if !errors.Is(err, passkey.ErrRefused) || k != nil {
				t.Fatalf("Attest = %+v, %v, want ErrRefused", k, err)
			}
			quiet(t, err, response)
		})
	}
	*b.device = honest
	text := options(here)
	b.Pass(passkey.Life)
	_, err := b.party.Attest(t.Context(), passkey.Registration{
		Subject: b.Ada, Answer: passkey.Answer{Response: b.device.Create(text), Binding: here},
	})
	if !errors.Is(err, passkey.ErrExpired) {
		t.Errorf("Attest after five minutes = %v, want ErrExpired", err)
	}
}

// A response creates one passkey, once.
func TestReplayedRegistration(t *testing.T) {
	b := newBench(t)
	k, err := b.create("")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.party.Store.Add(t.Context(), b.ada(), k, ""); err != nil {
		t.Fatal(err)
	}
	if err := b.party.Store.Add(t.Context(), b.ada(), k, ""); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("the same again = %v, want ErrRefused", err)
	}
	if err := b.party.Store.Remove(t.Context(), b.ada(), k.Passkey, ""); err != nil {
		t.Fatal(err)
	}
	if err := b.party.Store.Add(t.Context(), b.ada(), k, ""); !errors.Is(err, passkey.ErrRefused) {
		t.Errorf("the same after it was removed = %v, want ErrRefused", err)
	}
}

func TestAddRefusesMoreThanMax(t *testing.T) {
	b := newBench(t)
	for range passkey.Max - 2 {
		b.AddPasskey(b.Ada, b.device)
	}
	last, err := b.create("")
	if err != nil {
		t.Fatal(err)
	}
	more, err := b.create("")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.party.Store.Add(t.Context(), b.ada(), last, ""); err != nil {
		t.Fatalf("passkey %d = %v, want it to be added", passkey.Max, err)
	}
	if err := b.party.Store.Add(t.Context(), b.ada(), more, ""); !errors.Is(err, passkey.ErrTooMany) {
		t.Errorf("one more = %v, want ErrTooMany", err)
	}
	all, err := b.party.Store.List(t.Context(), b.Ada)
	if err != nil || len(all) != passkey.Max {
		t.Fatalf("List = %d passkeys, %v, want %d", len(all), err, passkey.Max)
	}
	if _, err := b.party.Create(t.Context(), passkey.Person{Subject: b.Ada, UserName: "ada"}, all, here); !errors.Is(err, passkey.ErrTooMany) {
		t.Errorf("Create for a user with %d = %v, want ErrTooMany", len(all), err)
	}
}

// Two tabs cannot exceed Max.
func TestConcurrentAdditionsDoNotExceedMax(t *testing.T) {
	b := newBench(t)
	seen := b.ada()
	for i, want := range []error{nil, identity.ErrChanged} {
		k, err := b.create("")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.party.Store.Add(t.Context(), seen, k, ""); !errors.Is(err, want) {
			t.Errorf("tab %d = %v, want %v", i, err, want)
		}
	}
}
