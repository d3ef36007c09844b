package relying_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
)

func TestCandidateIsAValidUserName(t *testing.T) {
	long := strings.Repeat("a", 80)
	tests := []struct {
		name     string
		identity relying.Identity
		want     string
		other    string // what Another begins with
	}{
		{"verified address", relying.Identity{UserName: "countess", Email: "Ada@Example.com", EmailVerified: true}, "ada@example.com", "countess-"},
		{"unverified address", relying.Identity{Email: "ada@example.com"}, "user", "user-"},
		{"unverified address and a name", relying.Identity{Name: "Ada Lovelace", Email: "ada@example.com"}, "ada.lovelace", "ada.lovelace-"},
		{"name that looks like an address", relying.Identity{UserName: "boss@example.com"}, "boss", "boss-"},
		{"only a verified address", relying.Identity{Email: "ada@example.com", EmailVerified: true}, "ada@example.com", "ada-"},
		{"address that is no user name", relying.Identity{Email: "o'hara@example.com", EmailVerified: true}, "o.hara", "o.hara-"},
		{"long address", relying.Identity{Email: long + "@example.com", EmailVerified: true}, long[:64], long[:59] + "-"},
		{"look-alikes", relying.Identity{UserName: "аda"}, "da", "da-"}, // the first letter is Cyrillic
		{"nothing of use", relying.Identity{UserName: "...", Name: "エイダ"}, "user", "user-"},
		{"upper case", relying.Identity{UserName: "ADA"}, "ada", "ada-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.identity.Candidate(); got != tt.want {
				t.Errorf("Candidate = %q, want %q", got, tt.want)
			}
			got := tt.identity.Another()
			if rest, ok := strings.CutPrefix(got, tt.other); !ok || len(rest) != 4 || !identity.ValidUserName(got) {
				t.Errorf("Another = %q, want %s and four characters", got, tt.other)
			}
		})
	}
}

func TestLabel(t *testing.T) {
	tests := []struct {
		identity relying.Identity
		want     string
	}{
		{relying.Identity{UserName: "ada", Name: "Ada", Email: "ada@example.com", EmailVerified: true}, "ada@example.com"},
		{relying.Identity{UserName: "ada", Name: "Ada", Email: "ada@example.com"}, "ada"},
		{relying.Identity{Name: "Ada", Email: "ada@example.com"}, "Ada"},
		{relying.Identity{}, ""},
	}
	for _, tt := range tests {
		if got := tt.identity.Label(); got != tt.want {
			t.Errorf("Label of %+v = %q, want %q", tt.identity, got, tt.want)
		}
	}
}

// Every account gives a valid user name for a new user. A mail address becomes a user name
// only if it is verified.
func FuzzCandidate(f *testing.F) {
	f.Add("ada", "Ada Lovelace", "ada@example.com", true)
	f.Add("@", "'", "@@", false)
	f.Add("\xff\u202e", "\x00", "a b@c", true)
	f.Fuzz(func(t *testing.T, userName, name, email string, verified bool) {
		i := relying.Identity{UserName: userName, Name: name, Email: email, EmailVerified: verified}
		for _, got := range []string{i.Candidate(), i.Another()} {
			if !identity.ValidUserName(got) {
				t.Errorf("a name for %+v = %q, which is none", i, got)
			}
			if strings.Contains(got, "@") && (!verified || !strings.EqualFold(got, email)) {
				t.Errorf("a name for %+v = %q, which is an address", i, got)
			}
		}
	})
}

// The claims of an id token are untrusted bytes, signed or not.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"sub":"1","email":"ada@example.com","email_verified":true,"name":"Ada","auth_time":1}`))
	f.Add([]byte(`{"sub":"1","email":"Ada <ada@example.com>","email_verified":"true","auth_time":1e300}`))
	f.Add([]byte(`{"sub":"1","email":"a@b","name":"\u202e\u0000","preferred_username":null,"email_verified":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		who, err := relying.ReadClaims(data)
		if err != nil {
			return
		}
		for _, text := range []string{who.UserName, who.Name, who.Email} {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || len(text) > 200 {
				t.Errorf("claims %s say %q, which cannot be printed in a line", data, text)
			}
		}
		if who.EmailVerified && who.Email == "" || strings.ContainsFunc(who.Email, func(r rune) bool { return r > unicode.MaxASCII }) {
			t.Errorf("claims %s say %+v", data, who)
		}
		if !json.Valid(data) {
			t.Errorf("%q was taken for claims", data)
		}
	})
}
