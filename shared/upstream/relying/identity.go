package relying

import (
	"crypto/rand"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tipstaff/tipstaff/shared/identity"
)

// Identity is the identity of a user at an upstream. Issuer and Subject identify the
// account. All other fields are its current description, for display and for proposals.
type Identity struct {
	// Issuer is that of the upstream, and Subject the account there.
	Issuer, Subject string
	// UserName and Name are the names of the account. Each may be empty. An attacker can
	// choose the name of another user.
	UserName, Name string
	// Email may be empty. The upstream has verified it only if EmailVerified is true.
	Email         string
	EmailVerified bool
	// AuthTime is when the user authenticated at the upstream. It is zero if the
	// upstream does not send it or sends a time in the future.
	AuthTime time.Time
}

// Label returns the name by which the user recognizes the account.
func (i *Identity) Label() string {
	switch {
	case i.EmailVerified:
		return i.Email
	case i.UserName != "":
		return i.UserName
	}
	return i.Name
}

const (
	maxLine     = 200
	maxUserName = 64
	suffix      = 4 // characters that make a name unique, of 5 bits each
	somebody    = "user"
)

// Candidate proposes a user name for a user who signs in for the first time: the user's own
// mail address, or the first part of the account name. An unverified address never becomes a
// user name, and neither does a text that only looks like an address.
func (i *Identity) Candidate() string {
	if i.EmailVerified && identity.ValidUserName(i.Email) {
		return strings.ToLower(i.Email)
	}
	return i.short()
}

// Another proposes a unique user name for the case that the first proposal is taken.
func (i *Identity) Another() string {
	name := i.short()
	return name[:min(len(name), maxUserName-suffix-1)] + "-" + strings.ToLower(rand.Text()[:suffix])
}

// short returns the account name up to an "@", reduced to the characters of a user name.
func (i *Identity) short() string {
	names := []string{i.UserName}
	if i.EmailVerified {
		names = append(names, i.Email)
	}
	for _, name := range append(names, i.Name) {
		name, _, _ = strings.Cut(name, "@")
		name = strings.Map(func(r rune) rune {
			switch {
			case r == ' ' || r == '\'':
				return '.'
			case r >= utf8.RuneSelf || !identity.ValidUserName(string(r)):
				return -1
			}
			return unicode.ToLower(r)
		}, name)
		name = strings.Trim(name[:min(len(name), maxUserName)], "._-+")
		if name != "" {
			return name
		}
	}
	return somebody
}

// line makes one printable line from a text of an upstream.
func line(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	for len(s) > maxLine {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// address returns a mail address from an upstream, or "" if it is not one in ASCII.
// Non-ASCII addresses have look-alikes, in letters and in domains after conversion to lower
// case.
func address(s string) string {
	if len(s) > maxLine || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || parsed.Name != "" {
		return ""
	}
	return s
}
