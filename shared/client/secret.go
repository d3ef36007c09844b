package client

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/tipstaff/tipstaff/shared/opaque"
)

// A client secret is "tss_", 32 random bytes as 43 base62 digits, and the
// CRC-32 of all that as 6 more. The prefix and the checksum let a secret
// scanner find a leaked one and let us refuse a mistyped one without a read.
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

// ValidSecret reports whether s has the form of a client secret. It says
// nothing about whose secret it is.
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

// maxSecret is the length of the longest secret of somebody else's making.
const maxSecret = 512

// Plausible reports whether somebody could have the secret s: one of ours that
// is intact, or one whose hash an operator brought along.
func Plausible(s string) bool {
	if strings.HasPrefix(s, secretPrefix) {
		return ValidSecret(s)
	}
	return s != "" && len(s) <= maxSecret
}

// HashSecret returns what is kept of a secret.
func HashSecret(secret string) Secret {
	sum := sha256.Sum256([]byte(secret))
	return Secret{ID: SecretID(sum), SHA256: sum}
}

// SecretID names a secret by the first 32 bits of its hash, which say nothing
// about a secret of 256 bits.
func SecretID(sum [32]byte) string { return hex.EncodeToString(sum[:4]) }
