package passkey_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
)

// A response is refused for each of these reasons, even with a valid signature.
func TestRefusedResponses(t *testing.T) {
	b := newBench(t)
	other := b.Authenticator()
	eve := b.AddUser("eve")
	b.AddPasskey(eve, other)
	elsewhere, err := b.party.SignIn(t.Context(), "sign in\x00another browser")
	if err != nil {
		t.Fatal(err)
	}
	purpose, err := b.party.SignIn(t.Context(), "add a passkey\x00a browser")
	if err != nil {
		t.Fatal(err)
	}
	creation, err := b.party.Create(t.Context(), passkey.Person{Subject: b.Ada, UserName: "ada"}, nil, here)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(response, member string) string {
		i := strings.Index(response, `"`+member+`":"`) + len(member) + 24
		swapped := byte('A')
		if response[i] == 'A' {
			swapped = 'B'
		}
		return response[:i] + string(swapped) + response[i+1:]
	}
	tests := []struct {
		name     string
		response func() string
		want     error
		subject  string // of the error
	}{
		{"owner not verified", func() string { b.device.Unverified = true; return b.device.Get(b.ask()) }, passkey.ErrRefused, b.Ada},
		{"no user present", func() string { b.device.Absent = true; return b.device.Get(b.ask()) }, passkey.ErrRefused, b.Ada},
		{"another origin", func() string { b.device.Origin = "https://evil.example"; return b.device.Get(b.ask()) }, passkey.ErrRefused, ""},
		{"a neighbour's origin", func() string { b.device.Origin = "https://app.example.com"; return b.device.Get(b.ask()) }, passkey.ErrRefused, ""},
		{"our origin over http", func() string { b.device.Origin = "http://auth.example.com"; return b.device.Get(b.ask()) }, passkey.ErrRefused, ""},
		{"our origin on another port", func() string { b.device.Origin = "https://auth.example.com:8443"; return b.device.Get(b.ask()) }, passkey.ErrRefused, ""},
		{"our origin in another spelling", func() string { b.device.Origin = "https://AUTH.example.com/"; return b.device.Get(b.ask()) }, passkey.ErrRefused, ""},
		{"in a frame of another site", func() string { b.device.Cross = true; return b.device.Get(b.ask()) }, passkey.ErrRefused, b.Ada},
		{"another relying party", func() string { b.device.RPID = "example.com"; return b.device.Get(b.ask()) }, passkey.ErrRefused, b.Ada},
		{"kept in step all of a sudden", func() string { b.device.Synced = true; return b.device.Get(b.ask()) }, passkey.ErrRefused, b.Ada},
		{"backed up, and cannot be", func() string { b.device.Flip = 1 << 4; return b.device.Get(b.ask()) }, passkey.ErrRefused, b.Ada},
		{"a made-up challenge", func() string { b.device.Challenge = make([]byte, 65); return b.device.Get(b.ask()) }, passkey.ErrRefused, ""},
		{"no challenge", func() string { b.device.Challenge = []byte{}; return b.device.Get(b.ask()) }, passkey.ErrRefused, ""},
		{"a challenge of another browser", func() string { return b.device.Get(elsewhere) }, passkey.ErrRefused, ""},
		{"a challenge for another purpose", func() string { return b.device.Get(purpose) }, passkey.ErrRefused, ""},
		{"a creation in place of a sign-in", func() string { return b.device.Clone().Create(creation) }, passkey.ErrRefused, ""},
		{"another signature", func() string { return damage(b.device.Get(b.ask()), "signature") }, passkey.ErrRefused, b.Ada},
		{"other authenticator data", func() string { return damage(b.device.Get(b.ask()), "authenticatorData") }, passkey.ErrRefused, b.Ada},
		{"ada's passkey as eve", func() string { b.device.UserHandle = eve; return b.device.Get(b.ask()) }, passkey.ErrUnknown, ""},
		{"eve's passkey as ada", func() string { other.UserHandle = b.Ada; return other.Get(b.ask()) }, passkey.ErrUnknown, ""},
		{"as an unknown user", func() string { b.device.UserHandle = identity.NewSubject(b.Time); return b.device.Get(b.ask()) }, passkey.ErrUnknown, ""},
		{"as a client", func() string { b.device.UserHandle = "client"; return b.device.Get(b.ask()) }, passkey.ErrUnknown, ""},
		{"as a user with a long handle", func() string {
			b.device.UserHandle = identity.SubjectPrefix + strings.Repeat("a", 3000)
			return b.device.Get(b.ask())
		}, passkey.ErrUnknown, ""},
		{"nothing", func() string { return "" }, passkey.ErrRefused, ""},
		{"two responses", func() string { r := b.device.Get(b.ask()); return r + r }, passkey.ErrRefused, ""},
		{"an empty object", func() string { return "{}" }, passkey.ErrRefused, ""},
	}
	honest := *b.device
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			*b.device = honest
			response := tt.response()
			a, err := b.verify(response)
			if !errors.Is(err, tt.want) || a != nil {
				t.Fatalf("Verify = %v, %v, want %v", a, err, tt.want)
			}
			if refused, ok := errors.AsType[*passkey.RefusedError](err); ok && refused.Subject != tt.subject {
				t.Errorf("Verify refused %q of %q, want it to be of %q", refused.Reason, refused.Subject, tt.subject)
			}
			quiet(t, err, response)
		})
	}
	*b.device = honest
	if err := b.enter(b.prove()); err != nil {
		t.Errorf("an honest sign-in after all this = %v, want it to work", err)
	}
}

// quiet fails when an error quotes what was sent.
func quiet(t *testing.T, err error, response string) {
	t.Helper()
	var last string
	for _, part := range strings.FieldsFunc(response, func(r rune) bool { return strings.ContainsRune(`{}":,`, r) }) {
		if len(part) > 30 && strings.Contains(err.Error(), part) {
			last = part
		}
	}
	if last != "" {
		t.Errorf("the error %q quotes %q", err, last)
	}
}
