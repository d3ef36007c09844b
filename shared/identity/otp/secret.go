package otp

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
)

// secretBytes is the length that RFC 4226 §4 recommends, that of a SHA-1.
const secretBytes = 20

// Secret is what an authenticator app and we share. It shows itself to nobody who
// prints it.
type Secret struct{ bytes [secretBytes]byte }

// ErrSecret says that a text is no Secret.
var ErrSecret = errors.New("text is no secret of an authenticator app")

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret returns a secret that nobody has.
func NewSecret() Secret {
	var s Secret
	rand.Read(s.bytes[:])
	return s
}

// ParseSecret reads what Text wrote, for a page that gets it back from the form
// that the person confirms. It returns ErrSecret for everything else.
func ParseSecret(text string) (Secret, error) {
	var s Secret
	if len(text) != base32Text.EncodedLen(secretBytes) {
		return s, ErrSecret
	}
	b, err := base32Text.DecodeString(text)
	// Writing it again refuses line ends, which base32 ignores.
	if err != nil || len(b) != secretBytes || base32Text.EncodeToString(b) != text {
		return s, ErrSecret
	}
	copy(s.bytes[:], b)
	return s, nil
}

// String names the type only.
func (s Secret) String() string { return "[secret of an authenticator app]" }

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Text is the secret in base32, 32 upper case letters and digits, as an app takes
// it that cannot scan.
func (s Secret) Text() string { return base32Text.EncodeToString(s.bytes[:]) }

// Typed is Text in groups of four, to be typed by a person. Apps ignore spaces.
func (s Secret) Typed() string { return groups(s.Text(), " ") }

// URI is what the QR code says to an app: the secret, whose it is, and for what.
// The issuer is a URL, of which the app shows the host. What is the default is not
// in it, so that the picture is small: SHA-1, six digits, thirty seconds.
func (s Secret) URI(issuer, userName string) string {
	name := issuer
	if u, err := url.Parse(issuer); err == nil && u.Hostname() != "" {
		name = u.Hostname()
	}
	return "otpauth://totp/" + url.PathEscape(name) + ":" + url.PathEscape(userName) +
		"?secret=" + s.Text() + "&issuer=" + url.QueryEscape(name)
}

const (
	period = 30 * time.Second
	digits = 6
	// skew is how many steps the clock of a phone may be off, and how late a
	// person may type (RFC 6238 §5.2).
	skew = 1
)

func step(at time.Time) int64 { return at.Unix() / int64(period/time.Second) }

// match returns the latest time step around now whose code this is.
func (s Secret) match(code string, now time.Time) (int64, bool, error) {
	found, ok := int64(0), false
	for at := step(now) - skew; at <= step(now)+skew; at++ {
		right, err := hotp.ValidateCustom(code, uint64(at), s.Text(), hotp.ValidateOpts{Digits: digits}) //nolint:gosec // G115: our clock is past 1970
		if err != nil {
			return 0, false, fmt.Errorf("compute a code: %w", err)
		}
		if right {
			found, ok = at, true
		}
	}
	return found, ok, nil
}

// groups puts a separator behind every four characters.
func groups(s, separator string) string {
	const group = 4
	var parts []string
	for ; len(s) > group; s = s[group:] {
		parts = append(parts, s[:group])
	}
	return strings.Join(append(parts, s), separator)
}
