package opaque

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
)

// MAC signs and verifies values of one kind. Everyone can read what is in them,
// and only we can make one.
//
// A value is the version, the id of the key, the body, and an HMAC-SHA-256. The
// HMAC covers, in this order:
//
//	the kind
//	for each text that the value is bound to: 0, its length in decimal, ":", the text
//	the version, which is not 0
//	the id of the key
//	the body
//
// No kind is the beginning of another, the bound texts have their lengths, and
// the version ends their list. So no two inputs are the same bytes, and a value
// is good for one kind and one binding alone.
//
// The text of a value is a handle ([Handle], [Write]) or plain base64url
// ([Encode]), as the caller chooses.
type MAC struct {
	Kind Kind
	Keys Keys
}

// The kinds of values that are not handles. They stand in no text, only the MAC
// covers them. The MACs of earlier releases (see the files legacy.go) cover
// nothing that begins with one of these.
const (
	// DPoPNonce is a nonce for DPoP proofs, FormToken the token against forged
	// requests in a form, and PasskeyChallenge what a passkey signs.
	DPoPNonce        Kind = "tipstaff mac dpop nonce\x00"
	FormToken        Kind = "tipstaff mac form token\x00"
	PasskeyChallenge Kind = "tipstaff mac passkey challenge\x00" //nolint:gosec // G101: the name of a kind
)

// Signed is what a value says.
type Signed struct {
	// KeyID names the key under the MAC.
	KeyID string
	Body  []byte
}

// Sign returns the value for a body under the key for new values. It is bound to
// the texts, which are not in it: Verify must get the same, in the same order.
func (m *MAC) Sign(ctx context.Context, body []byte, bound ...string) ([]byte, error) {
	return m.sign(ctx, "", body, bound)
}

// SignUnder is Sign under the key with an id. It returns the same value every
// time.
func (m *MAC) SignUnder(ctx context.Context, keyID string, body []byte, bound ...string) ([]byte, error) {
	if keyID == "" {
		return nil, errors.New("sign a value: no key is named")
	}
	return m.sign(ctx, keyID, body, bound)
}

func (m *MAC) sign(ctx context.Context, keyID string, body []byte, bound []string) ([]byte, error) {
	k, err := m.Keys.get(ctx, keyID)
	if err != nil {
		return nil, fmt.Errorf("sign a value: %w", err)
	}
	value := append(appendHead(make([]byte, 0, headLength+len(body)+sha256.Size), k), body...)
	return m.sum(value, k.Key, value, bound), nil
}

// Verify returns what a value says that Sign returned for the same kind and the
// same bound texts. [ErrForged] is returned for every other value. Any other
// error says why the keys cannot be had.
func (m *MAC) Verify(ctx context.Context, value []byte, bound ...string) (Signed, error) {
	said, err := Unverified(value)
	if err != nil {
		return Signed{}, err
	}
	k, err := m.Keys.of(ctx, said.KeyID)
	if err != nil {
		return Signed{}, fmt.Errorf("verify a value: %w", err)
	}
	end := len(value) - sha256.Size
	if !hmac.Equal(m.sum(nil, k.Key, value[:end], bound), value[end:]) {
		return Signed{}, ErrForged
	}
	return said, nil
}

// Unverified returns what a value says without a look at its MAC. It is for a
// value that is vouched for in another way. [ErrForged] is returned for what has
// not the layout of a value.
func Unverified(value []byte) (Signed, error) {
	end := len(value) - sha256.Size
	if end < headLength || value[0] != version {
		return Signed{}, ErrForged
	}
	return Signed{KeyID: string(value[1:headLength]), Body: value[headLength:end:end]}, nil
}

// sum appends the HMAC of a value to b. The value has no MAC yet.
func (m *MAC) sum(b, key, value []byte, bound []string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(m.domain(bound))
	h.Write(value)
	return h.Sum(b)
}

// domain is what the HMAC covers before the value.
func (m *MAC) domain(bound []string) []byte {
	b := []byte(m.Kind)
	for _, text := range bound {
		b = append(strconv.AppendInt(append(b, 0), int64(len(text)), 10), ':')
		b = append(b, text...)
	}
	return b
}
