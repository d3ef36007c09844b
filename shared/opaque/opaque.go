// Package opaque writes the opaque values that Tipstaff gives away, such as
// client secrets, refresh tokens and cookies.
//
// # Handles
//
// A handle begins with a prefix that names its [Kind] and ends with a checksum
// of all before it. So a secret scanner finds a leaked handle by a regular
// expression with hardly a false alarm, and we refuse a mistyped, shortened or
// mixed-up handle without a look into a table. The checksum proves nothing:
// everyone can compute it. What makes a handle genuine is a MAC, an encryption,
// or a random part of which a table holds the hash.
//
// A handle has exactly one spelling. What [Read] accepts is byte for byte what
// [Write] wrote: two different texts are never the same handle.
//
// # Values that need no table
//
// What comes back to us later, we could store and give away its name. A value
// that proves itself needs no store. [MAC] signs what everyone may read, [Box]
// encrypts what only we may read. Both use a MAC key of the stage, and name it.
// To check a value costs no request, and a forged one costs a few microseconds.
// What such a value cannot do is be used up: a caller that needs that has to
// remember which values it has seen.
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
	// sign-in at an upstream issuer.
	SignInStep    Kind = "tsx_"
	OneTimeLink   Kind = "tsl_"
	UpstreamState Kind = "tsu_"
)

var (
	// ErrMalformed is returned when a text is no intact handle of the kind.
	ErrMalformed = errors.New("handle is malformed")
	// ErrTooLong is returned when the content does not fit into a handle.
	ErrTooLong = errors.New("content does not fit into a handle")
	// ErrForged is returned when a value is not one of this kind that we made.
	ErrForged = errors.New("value is not ours")
)

const (
	// ChecksumDigits is the length of a checksum.
	ChecksumDigits = 6
	// MaxLength is the length of the longest text that Read looks at.
	MaxLength = 2048

	digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Write returns the handle of a kind with a payload, in base64url. [Handle] is
// for a payload of any length.
func Write(k Kind, payload []byte) string { return string(write(k, payload)) }

func write(k Kind, payload []byte) []byte {
	b := make([]byte, 0, len(k)+base64.RawURLEncoding.EncodedLen(len(payload))+ChecksumDigits)
	b = base64.RawURLEncoding.AppendEncode(append(b, k...), payload)
	return appendChecksum(b)
}

// Handle is [Write] for a payload that may be too long to be read again. It
// returns [ErrTooLong] then.
func Handle(k Kind, payload []byte) (string, error) {
	text := Write(k, payload)
	if len(text) > MaxLength {
		return "", ErrTooLong
	}
	return text, nil
}

// Read returns the payload of a handle of kind k, or [ErrMalformed].
func Read(k Kind, text string) ([]byte, error) {
	if len(text) > MaxLength || len(text) < len(k)+ChecksumDigits || !strings.HasPrefix(text, string(k)) {
		return nil, ErrMalformed
	}
	payload, err := base64.RawURLEncoding.DecodeString(text[len(k) : len(text)-ChecksumDigits])
	// Writing it again checks the sum, and that this is the one spelling:
	// base64 alone ignores line ends and the last bits.
	if err != nil || string(write(k, payload)) != text {
		return nil, ErrMalformed
	}
	return payload, nil
}

// Encode returns a value that is no handle as a text: in base64url, without a
// prefix and a checksum.
func Encode(value []byte) string { return base64.RawURLEncoding.EncodeToString(value) }

// Decode returns the value of a text that [Encode] wrote, or [ErrMalformed]. It
// takes no second spelling.
func Decode(text string) ([]byte, error) {
	if len(text) > MaxLength {
		return nil, ErrMalformed
	}
	value, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || Encode(value) != text {
		return nil, ErrMalformed
	}
	return value, nil
}

// Checksum is the CRC-32 (IEEE) of a text as ChecksumDigits base62 digits.
func Checksum(text string) string {
	return string(appendChecksum([]byte(text))[len(text):])
}

// appendChecksum adds the checksum of b to b. A CRC-32 has no more digits than
// ChecksumDigits.
func appendChecksum(b []byte) []byte {
	sum := crc32.ChecksumIEEE(b)
	b = append(b, "000000"...)
	for i := len(b) - 1; sum > 0; i-- {
		b[i] = digits[sum%uint32(len(digits))]
		sum /= uint32(len(digits))
	}
	return b
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
