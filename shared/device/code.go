package device

import (
	"crypto/rand"
	"errors"
	"strings"
	"unicode"
)

// A user code consists of CodeLength letters of Letters: no vowels, so that it
// is no word, and no digits, so that none looks like a letter. There are 2^34.
const (
	Letters    = "BCDFGHJKLMNPQRSTVWXZ"
	CodeLength = 8
)

var (
	// ErrLetters is returned when a code has a character that no code has, such
	// as a digit or a vowel.
	ErrLetters = errors.New("user code has a character that no user code has")
	// ErrLength is returned when a code is too long or too short.
	ErrLength = errors.New("user code is too long or too short")
)

// UserCode is a code in the form for comparison: CodeLength upper-case letters.
type UserCode string

// maxTyped bounds the input of [ParseUserCode].
const maxTyped = 100

// ParseUserCode parses what the user typed. It ignores case, spaces and dashes of
// every kind. It never replaces a character by a similar one: a user who reads a 0 or
// an E looks at a different code.
func ParseUserCode(typed string) (UserCode, error) {
	if len(typed) > maxTyped {
		return "", ErrLength
	}
	var code []byte
	for _, c := range typed {
		if unicode.IsSpace(c) || unicode.Is(unicode.Pd, c) || c == '\u2212' {
			continue
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if !strings.ContainsRune(Letters, c) {
			return "", ErrLetters
		}
		code = append(code, byte(c))
	}
	if len(code) != CodeLength {
		return "", ErrLength
	}
	return UserCode(code), nil
}

// String returns the code for display, such as "BCDF-GHJK".
func (c UserCode) String() string {
	if len(c) != CodeLength {
		return string(c)
	}
	return string(c[:CodeLength/2] + "-" + c[CodeLength/2:])
}

func newUserCode() UserCode {
	// The largest multiple of the number of letters that fits in a byte. Using
	// larger values would make some letters likelier.
	const even = 256 / len(Letters) * len(Letters)
	var code []byte
	for len(code) < CodeLength {
		batch := make([]byte, CodeLength-len(code))
		rand.Read(batch) // never fails (crypto/rand)
		for _, b := range batch {
			if int(b) < even {
				code = append(code, Letters[int(b)%len(Letters)])
			}
		}
	}
	return UserCode(code)
}
