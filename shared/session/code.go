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

// Codes seals and opens authorization codes (RFC 6749 §4.1.2).
//
// A code is sealed: it carries everything that the grant will be made of, and nothing
// is stored until it is redeemed. It also carries the id of the future grant. So it
// can be used once: two redemptions write the same item, and the second finds it
// there.
type Codes struct {
	// Keys is as in [Handles].
	Keys func(ctx context.Context, id string) (*keys.MACKey, error)
	// Region is the home region of the grants that are made here.
	Region string
	Now    func(context.Context) time.Time
}

// Code is the content of an authorization code: what the user has allowed, to which
// client, and what the client must present to redeem it.
type Code struct {
	Subject string
	// AuthGen is the user's auth_gen when they authenticated.
	AuthGen int64
	// Login is the id of the login in which the code was issued. It must be live
	// when the code is redeemed. LoginEnds is its Absolute, set if Login is: a
	// grant without offline access ends then at the latest.
	Login     string
	LoginEnds time.Time
	// Grant is the id of the future grant. [Codes.Seal] chooses it.
	Grant string
	// Client is the digest of the client's id, RedirectURI that of the redirect_uri
	// parameter of the authorization request as it was sent (of "" if there was
	// none), and Challenge the code challenge of RFC 7636, see [ParseChallenge].
	Client, RedirectURI, Challenge Digest
	// Scope and Audience are what is granted, as in [Grant].
	Scope    string
	Audience []string
	// Nonce goes into the ID token (OpenID Connect Core §3.1.2.1).
	Nonce    string
	AuthTime time.Time
	AMR      []string
	// JKT is the thumbprint of the key that the client must prove (RFC 9449 §10),
	// empty for none.
	JKT string
	// Expires is when the code expires. [Codes.Seal] chooses it.
	Expires time.Time
}

// Digest is the SHA-256 of a text.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a text.
func DigestOf(text string) Digest { return sha256.Sum256([]byte(text)) }

// ParseChallenge reads a code_challenge of the method S256, which is the digest of
// the code verifier (RFC 7636 §4.2). It reports false for any other text.
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

// Offline reports whether the grant outlives the login (offline_access, OpenID
// Connect Core §11).
func (c *Code) Offline() bool {
	return slices.Contains(strings.Fields(c.Scope), oauth.ScopeOfflineAccess)
}

func (s *Codes) box() *opaque.Box { return &opaque.Box{Kind: opaque.AuthorizationCode, Keys: s.Keys} }

// ErrTooMuch is returned when the content does not fit into a code.
var ErrTooMuch = errors.New("the grant is too large for a code")

// Seal returns a new code, which can be redeemed for [CodeLife]. The error is
// [ErrTooMuch] for a content that is too long, or that of the keys.
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

// Open returns the content of a code that has not expired, without a call to the
// database. The error is [ErrForged] for every text that Seal has not returned,
// [ErrEnded] for a code that has expired, a [*RegionError] for one of another
// region, or that of the keys.
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

// unix returns a time in epoch seconds, 0 for the zero time.
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
