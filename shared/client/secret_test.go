package client_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
)

func TestNewSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := client.NewSecret()
		if !client.ValidSecret(s) {
			t.Fatalf("ValidSecret(%q) = false, want true for a new secret", s)
		}
		if len(s) != 53 || !strings.HasPrefix(s, "tss_") {
			t.Fatalf("NewSecret() = %q, want tss_ and 49 digits", s)
		}
		if seen[s] {
			t.Fatalf("NewSecret() = %q twice", s)
		}
		seen[s] = true
	}
}

// The vectors were computed with an independent implementation: base62 of the
// number, most significant digit first, and of zlib's crc32.
func TestValidSecret(t *testing.T) {
	const zero = "tss_0000000000000000000000000000000000000000000"
	tests := []struct {
		name, secret string
		want         bool
	}{
		{"all zero bytes", zero + "3MWcIl", true},
		{"all 0xff bytes", "tss_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp10VxprP", true},
		{"wrong checksum", zero + "000000", false},
		{"empty", "", false},
		{"prefix only", "tss_", false},
		{"other kind", "tsr_" + strings.TrimPrefix(zero, "tss_") + "3MWcIl", false},
		{"trailing space", zero + "3MWcIl ", false},
		{"non-digit", strings.Replace(zero, "0", "-", 1) + "3MWcIl", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := client.ValidSecret(tt.secret); got != tt.want {
				t.Errorf("ValidSecret(%q) = %v, want %v", tt.secret, got, tt.want)
			}
		})
	}
}

// One wrong character is always noticed, at any position.
func TestMistypedSecret(t *testing.T) {
	s := client.NewSecret()
	for i := range len(s) {
		for _, c := range []byte("0Zz-_ ") {
			if s[i] == c {
				continue
			}
			typo := s[:i] + string(c) + s[i+1:]
			if client.ValidSecret(typo) {
				t.Errorf("ValidSecret(%q) = true, want false: character %d of %q was changed", typo, i, s)
			}
		}
	}
}

func TestHashSecret(t *testing.T) {
	s := client.NewSecret()
	got := client.HashSecret(s)
	if got.SHA256 != sha256.Sum256([]byte(s)) {
		t.Errorf("HashSecret(%q).SHA256 = %x, want SHA-256 of the text", s, got.SHA256)
	}
	if len(got.ID) != 8 || strings.Contains(s, got.ID) {
		t.Errorf("HashSecret(%q).ID = %q, want 8 digits of the hash", s, got.ID)
	}
	if !got.NotAfter.IsZero() {
		t.Errorf("HashSecret(%q).NotAfter = %v, want never", s, got.NotAfter)
	}
}

func FuzzValidSecret(f *testing.F) {
	good := client.NewSecret()
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("tss_" + strings.Repeat("\xff", 49))
	f.Fuzz(func(t *testing.T, s string) {
		if !client.ValidSecret(s) {
			return
		}
		if len(s) != len(good) || strings.Trim(s[4:], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("ValidSecret(%q) = true, want only base62 of one length", s)
		}
		if client.ValidSecret(s[:len(s)-1]) || client.ValidSecret(s+"0") {
			t.Errorf("a shorter or longer %q is valid too", s)
		}
	})
}
