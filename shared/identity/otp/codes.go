package otp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"github.com/tipstaff/tipstaff/shared/identity"
)

const (
	// recoveryCodes is how many a user gets at once.
	recoveryCodes = 10
	// recoveryBytes make 80 bits, 16 characters in base32, which cannot be guessed
	// even with the table and the pepper.
	recoveryBytes = 10
	// maxTyped is the length of the longest text that is parsed, in bytes.
	maxTyped = 64
)

// newCodes returns new recovery codes as the user sees them, such as
// "k3t7-zq2a-mm5d-x6vb".
func newCodes() []string {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		random := make([]byte, recoveryBytes)
		rand.Read(random)
		codes[i] = groups(strings.ToLower(base32Text.EncodeToString(random)), "-")
	}
	return codes
}

// Normalize returns the canonical spelling of a typed code: without spaces and dashes, in
// lower case. It returns "" for a text that cannot be a code.
func Normalize(typed string) string {
	if len(typed) > maxTyped {
		return ""
	}
	code := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Pd, r):
			return -1
		case 'A' <= r && r <= 'Z':
			return r + ('a' - 'A')
		}
		return r
	}, typed)
	if !ofApp(code) && !ofRecovery(code) {
		return ""
	}
	return code
}

// ofApp reports whether code may be one of an authenticator app.
func ofApp(code string) bool {
	return len(code) == digits && strings.Trim(code, "0123456789") == ""
}

// ofRecovery reports whether code may be a recovery code.
func ofRecovery(code string) bool {
	return len(code) == recoveryBytes*8/5 && strings.Trim(code, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// hashes returns the stored form of recovery codes.
func hashes(p identity.Pepper, subject string, codes []string) ([]string, error) {
	k, err := derive(p, purposeCodes)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(codes))
	for i, code := range codes {
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(subject + "|" + Normalize(code)))
		out[i] = hex.EncodeToString(mac.Sum(nil))
	}
	return out, nil
}
