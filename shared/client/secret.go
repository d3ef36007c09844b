package client

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/tipstaff/tipstaff/shared/opaque"
)

// A client secret is "tss_", 32 random bytes as 43 base62 digits, and the CRC-32 of
// both as 6 more digits. With the prefix and the checksum a secret scanner can find
// a leaked secret, and we can refuse a mistyped one without a read.
const (
	secretPrefix = string(opaque.ClientSecret)
	randomDigits = 43
	secretLength = len(secretPrefix) + randomDigits + opaque.ChecksumDigits
)

// NewSecret returns a new random client secret.
func NewSecret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never an error: it ends the process instead
	body := secretPrefix + opaque.Base62(random[:], randomDigits)
	return body + opaque.Checksum(body)
}

// ValidSecret reports whether s has the form of a client secret. It does not check
// which client the secret belongs to.
func ValidSecret(s string) bool {
	if len(s) != secretLength || !strings.HasPrefix(s, secretPrefix) {
		return false
	}
	for i := len(secretPrefix); i < len(s); i++ {
		if !alphanumeric(s[i]) {
			return false
		}
	}
	body := s[:secretLength-opaque.ChecksumDigits]
	return s[len(body):] == opaque.Checksum(body)
}

// maxSecret is the length of the longest secret that we did not issue.
const maxSecret = 512

// Plausible reports whether s can be the secret of a client: one of ours that is
// intact, or one that an operator imported by its hash.
func Plausible(s string) bool {
	if strings.HasPrefix(s, secretPrefix) {
		return ValidSecret(s)
	}
	return s != "" && len(s) <= maxSecret
}

// HashSecret returns the stored form of a secret.
func HashSecret(secret string) Secret {
	sum := sha256.Sum256([]byte(secret))
	return Secret{ID: SecretID(sum), SHA256: sum}
}

// SecretID names a secret by the first 32 bits of its hash. They reveal nothing
// about a secret of 256 bits.
func SecretID(sum [32]byte) string { return hex.EncodeToString(sum[:4]) }
