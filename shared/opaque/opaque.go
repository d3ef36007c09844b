// Package opaque writes the opaque values that Tipstaff gives away, such as
// client secrets, refresh tokens and cookies.
//
// Each begins with a prefix that names its kind and ends with a checksum of
// all before it. A secret scanner can therefore find a leaked one by a regular
// expression with hardly a false alarm, and we can refuse a mistyped, shortened
// or mixed-up one without asking anybody. The checksum proves nothing: anyone
// can compute it. What makes a handle genuine, a MAC or the hash of a random
// part, is the business of the package that the handle belongs to.
//
// A handle has exactly one spelling. What Read accepts is byte for byte what
// Write wrote, so that two different texts are never the same handle.
package opaque

import (
	"encoding/base64"
	"errors"
	"hash/crc32"
	"strings"
)

// Kind is the prefix of a handle.
type Kind string

// The kinds that exist.
const (
	ClientSecret Kind = "tss_"
	RefreshToken Kind = "tsr_"
	LoginCookie  Kind = "tsi_"

	AuthorizationCode Kind = "tsc_"
	DeviceCode        Kind = "tsv_"
	RegisteredClient  Kind = "tsd_"
	PushedRequest     Kind = "tsp_"

	// SignInStep is a sign-in that lacks its second step, OneTimeLink is in the
	// links of invitations and recoveries, and UpstreamState is the state of a
	// sign-in elsewhere.
	SignInStep    Kind = "tsx_"
	OneTimeLink   Kind = "tsl_"
	UpstreamState Kind = "tsu_"
)

// ErrMalformed says that a text is no intact handle of the kind.
var ErrMalformed = errors.New("handle is malformed")

const (
	// ChecksumDigits is the length of a checksum.
	ChecksumDigits = 6
	// MaxLength is the length of the longest text that Read looks at.
	MaxLength = 2048

	digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Write returns the handle of a kind with a payload, in base64url.
func Write(k Kind, payload []byte) string {
	body := string(k) + base64.RawURLEncoding.EncodeToString(payload)
	return body + Checksum(body)
}

// Read returns the payload of a handle of kind k, or ErrMalformed.
func Read(k Kind, text string) ([]byte, error) {
	if len(text) > MaxLength || len(text) < len(k)+ChecksumDigits || !strings.HasPrefix(text, string(k)) {
		return nil, ErrMalformed
	}
	payload, err := base64.RawURLEncoding.DecodeString(text[len(k) : len(text)-ChecksumDigits])
	// Writing it again checks the sum, and that this is the one spelling:
	// base64 alone ignores line ends and the last bits.
	if err != nil || Write(k, payload) != text {
		return nil, ErrMalformed
	}
	return payload, nil
}

// Checksum is the CRC-32 (IEEE) of a text as ChecksumDigits base62 digits.
func Checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	return Base62([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}, ChecksumDigits)
}

// Base62 writes a big-endian number with its n last digits: 0-9, A-Z, a-z, the
// most significant first. It consumes number.
func Base62(number []byte, n int) string {
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
