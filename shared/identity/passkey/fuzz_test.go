package passkey_test

import (
	"errors"
	"testing"

	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// This returns a party without a database, and the responses of an honest device.
func stranger(f *testing.F) (party *passkey.Party, get, create string) {
	f.Helper()
	party = &passkey.Party{Verifier: &passkey.Verifier{Issuer: routetest.Issuer, Challenges: ring("AAAAAAAA")}}
	device := (&routetest.Stage{T: f}).Authenticator()
	options, err := party.Create(f.Context(), passkey.Person{Subject: "usr_1", UserName: "ada"}, nil, "another binding")
	if err != nil {
		f.Fatal(err)
	}
	create = device.Create(options)
	if options, err = party.SignIn(f.Context(), "another binding"); err != nil {
		f.Fatal(err)
	}
	return party, device.Get(options), create
}

// FuzzVerify sends arbitrary responses. None has a challenge of the party, so all are
// refused before a call to the database, which does not exist here.
func FuzzVerify(f *testing.F) {
	party, get, create := stranger(f)
	for _, seed := range []string{get, create, "", "{}", "null", "[]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, response string) {
		if a, err := party.Verify(t.Context(), passkey.Answer{Response: response, Binding: here}); !errors.Is(err, passkey.ErrRefused) || a != nil {
			t.Errorf("Verify(%q) = %+v, %v, want ErrRefused", response, a, err)
		}
	})
}

// FuzzAttest sends arbitrary responses to the creation of a passkey.
func FuzzAttest(f *testing.F) {
	party, get, create := stranger(f)
	for _, seed := range []string{get, create, "", "{}", "null", "[]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, response string) {
		k, err := party.Attest(t.Context(), passkey.Registration{Subject: "usr_1", Answer: passkey.Answer{Response: response, Binding: here}})
		if !errors.Is(err, passkey.ErrRefused) || k != nil {
			t.Errorf("Attest(%q) = %+v, %v, want ErrRefused", response, k, err)
		}
	})
}
