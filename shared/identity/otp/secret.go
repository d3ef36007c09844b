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

// Secret is the shared secret of an authenticator app and the server. It does not reveal
// itself when it is printed.
type Secret struct{ bytes [secretBytes]byte }

// ErrSecret is returned for a text that is no secret.
var ErrSecret = errors.New("text is no secret of an authenticator app")

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret returns a new random secret.
func NewSecret() Secret {
	var s Secret
	rand.Read(s.bytes[:])
	return s
}

// ParseSecret reads a text that [Secret.Text] wrote, from the form in which the user
// confirms the app. It returns [ErrSecret] for any other text.
func ParseSecret(text string) (Secret, error) {
	var s Secret
	if len(text) != base32Text.EncodedLen(secretBytes) {
		return s, ErrSecret
	}
	b, err := base32Text.DecodeString(text)
	// Encoding it again refuses line ends, which base32 ignores.
	if err != nil || len(b) != secretBytes || base32Text.EncodeToString(b) != text {
		return s, ErrSecret
	}
	copy(s.bytes[:], b)
	return s, nil
}

// String names the type only.
func (s Secret) String() string { return "[secret of an authenticator app]" }

// GoString is [Secret.String].
func (s Secret) GoString() string { return s.String() }

// Text returns the secret in base32, 32 upper case letters and digits, for an app that
// cannot scan.
func (s Secret) Text() string { return base32Text.EncodeToString(s.bytes[:]) }

// Typed returns [Secret.Text] in groups of four, to be typed. Apps ignore spaces.
func (s Secret) Typed() string { return groups(s.Text(), " ") }

// URI returns the otpauth URI of the QR code: the secret, the user name and the issuer.
// The issuer is a URL, of which the app shows the host. The URI omits the default values
// (SHA-1, six digits, 30 seconds), so that the picture is small.
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
	// skew is by how many time steps the clock of a phone may differ, or a user may
	// type late (RFC 6238 §5.2).
	skew = 1
)

func step(at time.Time) int64 { return at.Unix() / int64(period/time.Second) }

// match returns the latest time step around now that has this code.
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

// groups puts a separator between groups of four characters.
func groups(s, separator string) string {
	const group = 4
	var parts []string
	for ; len(s) > group; s = s[group:] {
		parts = append(parts, s[:group])
	}
	return strings.Join(append(parts, s), separator)
}
