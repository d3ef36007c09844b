package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// CodeLife is how long an authorization code can be redeemed (RFC 6749 §4.1.2
// recommends ten minutes at most).
const CodeLife = time.Minute

// Codes writes and reads authorization codes.
//
// A code is sealed: it carries all that the grant will be made of, and nothing is
// stored until it is redeemed. It also carries the id of the grant to be. That
// is what makes it good for one use: two redemptions write the same item, and
// the second finds it there.
type Codes struct {
	// Keys is as in Handles.
	Keys func(ctx context.Context, id string) (*keys.MACKey, error)
	// Region is the home of the grants that are made here.
	Region string
	Now    func(context.Context) time.Time
}

// Code is what an authorization code says: what a person has allowed, whom, and
// what must be shown to redeem it.
type Code struct {
	Subject string
	// AuthGen is the user's auth_gen when the person proved who they are.
	AuthGen int64
	// LoginByCookie is the browser session in which the code was given. It must be
	// live when the code is redeemed. LoginEnds is its Absolute, and comes
	// with it: a grant that is not for offline access ends then at the latest.
	Login     string
	LoginEnds time.Time
	// Grant is the id of the grant to be. Seal chooses it.
	Grant string
	// Client is the client's id, RedirectURI the redirect_uri parameter of the
	// authorization request as it was sent ("" if none was), and Challenge the
	// challenge of RFC 7636, see ParseChallenge.
	Client, RedirectURI, Challenge Digest
	// Scope and Audience are what is granted, as in a grant.
	Scope    string
	Audience []string
	// Nonce goes into the id token.
	Nonce    string
	AuthTime time.Time
	AMR      []string
	// JKT is the key that must be proved (RFC 9449 §10), if any.
	JKT string
	// Expires is the end of the code. Seal chooses it.
	Expires time.Time
}

// Digest is the SHA-256 of a text.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a text.
func DigestOf(text string) Digest { return sha256.Sum256([]byte(text)) }

// ParseChallenge reads the code_challenge of the method S256: it is the digest of
// the verifier (RFC 7636 §4.2).
func ParseChallenge(text string) (Digest, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return Digest{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(Digest{}) {
		return Digest{}, false
	}
	return Digest(raw), true
}

// Offline reports whether the grant goes on when the person has left the browser
// (OIDC Core §11).
func (c *Code) Offline() bool {
	return slices.Contains(strings.Fields(c.Scope), oauth.ScopeOfflineAccess)
}

func (s *Codes) box() *opaque.Box { return &opaque.Box{Kind: opaque.AuthorizationCode, Keys: s.Keys} }

// ErrTooMuch says that a code cannot carry all that it should.
var ErrTooMuch = errors.New("the grant is too large for a code")

// Seal returns a new code, which lives for CodeLife. The error is ErrTooMuch for
// what is too long altogether, or why the keys cannot be had.
func (s *Codes) Seal(ctx context.Context, c Code) (string, error) {
	if (c.Login == "") != c.LoginEnds.IsZero() {
		return "", errors.New("seal a code: a login comes with its end")
	}
	now := s.Now(ctx)
	c.Grant, c.Expires = newID(now), now.Add(CodeLife)
	content, err := encodeCode(&c, s.Region)
	if err != nil {
		return "", err
	}
	text, err := s.box().Seal(ctx, content)
	if errors.Is(err, opaque.ErrTooLong) {
		return "", ErrTooMuch
	}
	return text, err
}

// Open returns what a code says that can still be redeemed, and asks no table.
// The error is ErrForged for every text that Seal has not returned, ErrEnded for
// a code that has expired, a *RegionError for one of another region, or why the
// keys cannot be had.
func (s *Codes) Open(ctx context.Context, text string) (*Code, error) {
	content, err := s.box().Open(ctx, text)
	if err != nil {
		return nil, err
	}
	c, region, ok := decodeCode(content)
	switch {
	case !ok:
		return nil, ErrForged
	case !s.Now(ctx).Before(c.Expires):
		return nil, fmt.Errorf("open a code: expired: %w", ErrEnded)
	case region != s.Region:
		return nil, &RegionError{Home: region}
	}
	return c, nil
}

const codeVersion = 1

// encodeCode writes the version, four numbers, two ids, three digests, and the
// texts with their lengths.
func encodeCode(c *Code, region string) ([]byte, error) {
	w := &packer{b: make([]byte, 0, 512)}
	w.b = append(w.b, codeVersion)
	w.number(c.Expires.Unix())
	w.number(c.AuthTime.Unix())
	w.number(unix(c.LoginEnds))
	w.number(c.AuthGen)
	w.id(c.Grant)
	w.id(c.Login)
	for _, d := range []Digest{c.Client, c.RedirectURI, c.Challenge} {
		w.b = append(w.b, d[:]...)
	}
	w.text(region)
	w.text(c.Subject)
	w.text(c.Scope)
	w.text(c.Nonce)
	w.text(c.JKT)
	w.texts(c.AMR)
	w.texts(c.Audience)
	return w.b, w.err
}

// unix is a time in epoch seconds, 0 for none.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func decodeCode(content []byte) (c *Code, region string, ok bool) {
	r := &cursor{rest: content}
	c = &Code{}
	first := r.take(1)
	c.Expires = time.Unix(r.number(), 0).UTC()
	c.AuthTime = time.Unix(r.number(), 0).UTC()
	if ends := r.number(); ends != 0 {
		c.LoginEnds = time.Unix(ends, 0).UTC()
	}
	c.AuthGen = r.number()
	c.Grant, c.Login = r.id(), r.id()
	for _, d := range []*Digest{&c.Client, &c.RedirectURI, &c.Challenge} {
		copy(d[:], r.take(len(d)))
	}
	region = r.longText()
	c.Subject = r.longText()
	c.Scope = r.longText()
	c.Nonce = r.longText()
	c.JKT = r.longText()
	c.AMR = r.longTexts()
	c.Audience = r.longTexts()
	return c, region, r.done() && first[0] == codeVersion && c.Grant != ""
}
