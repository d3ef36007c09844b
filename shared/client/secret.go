package client

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// A client secret is "tss_", 32 random bytes as 43 base62 digits, and the
// CRC-32 of all that as 6 more. The prefix and the checksum let a secret
// scanner find a leaked one and let us refuse a mistyped one without a read.
const (
	secretPrefix   = "tss_"
	randomDigits   = 43
	checksumDigits = 6
	secretLength   = len(secretPrefix) + randomDigits + checksumDigits

	digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewSecret returns a new random client secret.
func NewSecret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never an error: it ends the process instead
	body := secretPrefix + base62(random[:], randomDigits)
	return body + checksum(body)
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
	body := s[:secretLength-checksumDigits]
	return s[len(body):] == checksum(body)
}

// maxSecret is the length of the longest secret of somebody else's making.
const maxSecret = 512

// plausible reports whether somebody could have the secret s: one of ours that
// is intact, or one whose hash an operator brought along.
func plausible(s string) bool {
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

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	return base62([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, checksumDigits)
}

// base62 writes a big-endian number with n digits. It consumes number.
func base62(number []byte, n int) string {
	out := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		rest := 0
		for j, b := range number {
			rest = rest<<8 | int(b)
			number[j] = byte(rest / len(digits))
			rest %= len(digits)
		}
		out[i] = digits[rest]
	}
	return string(out)
}
