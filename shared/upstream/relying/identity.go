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

// Identity is who an upstream says that somebody is. Issuer and Subject are the
// account. All else is what it says today: to show, and to propose.
type Identity struct {
	// Issuer is that of the upstream, and Subject the account there.
	Issuer, Subject string
	// UserName and Name are what the account is called there; each may be empty.
	// Anybody may call theirs like somebody else's.
	UserName, Name string
	// Email may be empty. Only if EmailVerified the upstream stands up for it.
	Email         string
	EmailVerified bool
	// AuthTime is when the person proved to the upstream who they are, zero if
	// it does not say or says a time to come.
	AuthTime time.Time
}

// Label is what the person knows the account by.
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
	suffix      = 4 // characters that make a name one's own, of 5 bits each
	somebody    = "user"
)

// Candidate is a user name for somebody who signs in for the first time, and of
// which nobody here need be surprised: an address that is theirs, or the first part
// of what they are called. An address that is not verified is never anybody's name,
// nor is what only looks like an address.
func (i *Identity) Candidate() string {
	if i.EmailVerified && identity.ValidUserName(i.Email) {
		return strings.ToLower(i.Email)
	}
	return i.short()
}

// Another is one that nobody has, to go by when the first one is taken.
func (i *Identity) Another() string {
	name := i.short()
	return name[:min(len(name), maxUserName-suffix-1)] + "-" + strings.ToLower(rand.Text()[:suffix])
}

// short is what the account is called, without what follows an "@", in characters
// of a user name.
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

// line makes one line that can be printed of what an upstream says.
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

// address is a mail address as an upstream says it, or empty if it is none in
// ASCII. Others have look-alikes: of letters, and of domains when they are turned
// into lower case.
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
