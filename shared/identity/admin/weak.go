package admin

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tipstaff/tipstaff/shared/identity"
)

// MinPassword is the length of the shortest password, in characters.
const MinPassword = 8

// WeakError is returned for a password that is too easy to guess. No rule requires
// digits or special characters: such rules make passwords that are hard to remember and
// easy to guess (NIST SP 800-63B §3.1.1).
type WeakError struct {
	// Reason tells the user what is wrong, without the password.
	Reason string
}

func (e *WeakError) Error() string { return "password " + e.Reason }

// common lists the most common passwords, one a line and in lower case. Its source and
// how it was made are in docs/dependencies.md.
//
//go:embed common.txt
var common string

// product is our name, which users tend to put into their password.
const product = "tipstaff"

// CheckPassword returns a [*WeakError] for a password that is too easy to guess: too
// short, one of the most common ones, a pattern, or little more than what is known
// about the user, such as the user name. It also returns one for a password that is too
// long. It does not depend on how the password is stored.
func CheckPassword(password string, known ...string) error {
	lower := strings.ToLower(password)
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return &WeakError{Reason: fmt.Sprintf("is shorter than %d characters", MinPassword)}
	case len(password) > identity.MaxPassword:
		return &WeakError{Reason: fmt.Sprintf("is longer than %d bytes", identity.MaxPassword)}
	case strings.Contains(common, "\n"+lower+"\n") && !strings.Contains(lower, "\n"):
		return &WeakError{Reason: "is one of the most common passwords"}
	case repeats(lower):
		return &WeakError{Reason: "only repeats a few characters"}
	case runs(lower):
		return &WeakError{Reason: "is a simple sequence of keys, letters or digits"}
	case littleMore(lower, product):
		return &WeakError{Reason: "is too similar to the name of this product"}
	}
	for _, text := range known {
		if littleMore(lower, words(text)...) {
			return &WeakError{Reason: "is too similar to the name or email address of the account"}
		}
	}
	return nil
}

// longestUnit is the length of the longest repeated unit that is recognised.
const longestUnit = 4

// repeats reports whether s repeats a unit of up to longestUnit bytes, with a last
// repetition that may be incomplete.
func repeats(s string) bool {
	for unit := 1; unit <= longestUnit; unit++ {
		if len(s) > 2*unit && s[unit:] == s[:len(s)-unit] {
			return true
		}
	}
	return false
}

// rows are sequences that users type without thinking: the alphabet, the digits, and the
// rows and diagonals of the English, the German and the French keyboard.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890123456789",
	"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
	"qazwsxedcrfvtgbyhnujmikolp", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "!@#$%^&*()_+",
}

const (
	// shortestRun is how many characters of a row are a run rather than chance.
	shortestRun = 4
	// leastOther is how many other characters make up for an easy part.
	leastOther = 4
)

// runs reports whether s consists of runs along a row, in either direction, and little
// more.
func runs(s string) bool {
	other := 0
	for len(s) > 0 {
		n := 0
		for _, row := range rows {
			n = max(n, along(s, row), along(s, reverse(row)))
		}
		if n < shortestRun {
			n = 1
			other++
		}
		s = s[n:]
	}
	return other < leastOther
}

// along returns the length of the longest prefix of s that is in row.
func along(s, row string) int {
	n := 0
	for n < len(s) && strings.Contains(row, s[:n+1]) {
		n++
	}
	return n
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// words returns the parts of a name or an address, in lower case, that are long enough
// to be recognised, and the whole.
func words(text string) []string {
	lower := strings.ToLower(text)
	all := []string{lower}
	all = append(all, strings.FieldsFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	long := all[:0]
	for _, w := range all {
		if len(w) >= 3 {
			long = append(long, w)
		}
	}
	return long
}

// littleMore reports whether s holds one of the words and only a few other characters:
// "ann2026!!" is little more than "ann".
func littleMore(s string, words ...string) bool {
	rest := s
	for _, w := range words {
		rest = strings.ReplaceAll(rest, w, "")
	}
	letters := 0
	for _, r := range rest {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return rest != s && letters < leastOther
}
