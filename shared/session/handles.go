package session

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Handles writes and reads refresh tokens.
//
// A refresh token says which grant and generation it is, and a MAC under a key
// of the stage proves that we wrote it. Nothing of it is stored: the token of a
// generation can be written again at any time, always the same, and a forged
// one is refused before anything is asked.
type Handles struct {
	// Keys returns the MAC key with an id, the one for new handles for an
	// empty id, or keys.ErrUnknown; as vault.Vault.MACKey does.
	Keys func(ctx context.Context, id string) (*keys.MACKey, error)
	// Region is the home of the grants that are made here.
	Region string
}

// Handle is what a genuine refresh token says.
type Handle struct {
	Subject, Grant string
	Generation     uint32
	// Region is the home of the grant: only there may it be refreshed, since
	// a copy of the table elsewhere lags behind.
	Region string
	// KeyID names the key under the MAC. All tokens of a grant have the same,
	// so that a rotation of the keys does not change one.
	KeyID string
}

// ErrForged says that a text is no refresh token, or no code, that we wrote.
var ErrForged = errors.New("handle is not ours")

// RegionError says that a refresh token or a code is genuine and belongs to
// another region.
type RegionError struct{ Home string }

func (e *RegionError) Error() string { return "the grant is at home in region " + e.Home }

// The payload of a token: the version, the id of the MAC key, region and subject
// with their lengths, the ULID of the grant, the generation, the MAC.
const (
	tokenVersion = 1
	macLength    = sha256.Size
	maxRegion    = 32
	maxSubject   = 64
)

// Mint returns the token for a generation of a grant that was created here, under
// the key for new handles. It is for the first generation of a grant; Next
// writes the others.
func (h *Handles) Mint(ctx context.Context, subject, grant string, generation uint32) (string, error) {
	k, err := h.Keys(ctx, "")
	if err != nil {
		return "", fmt.Errorf("mint a refresh token: %w", err)
	}
	return seal(Handle{Subject: subject, Grant: grant, Generation: generation, Region: h.Region, KeyID: k.ID}, k.Key)
}

// Next returns the token of the generation after that of t, for the answer to a
// refresh with t. It is the same every time.
func (h *Handles) Next(ctx context.Context, t Handle) (string, error) {
	k, err := h.Keys(ctx, t.KeyID)
	if err != nil {
		return "", fmt.Errorf("mint a refresh token: %w", err)
	}
	t.Generation++
	return seal(t, k.Key)
}

// Parse returns what a genuine token says. The error is ErrForged for every other
// text, a *RegionError for a genuine token of another region, or why the keys
// cannot be had.
func (h *Handles) Parse(ctx context.Context, text string) (Handle, error) {
	payload, err := opaque.Read(opaque.RefreshToken, text)
	if err != nil {
		return Handle{}, ErrForged
	}
	t, ok := decode(payload)
	if !ok {
		return Handle{}, ErrForged
	}
	k, err := h.Keys(ctx, t.KeyID)
	if errors.Is(err, keys.ErrUnknown) {
		return Handle{}, ErrForged
	}
	if err != nil {
		return Handle{}, fmt.Errorf("verify a refresh token: %w", err)
	}
	body, sum := payload[:len(payload)-macLength], payload[len(payload)-macLength:]
	if !hmac.Equal(mac(k.Key, body), sum) {
		return Handle{}, ErrForged
	}
	if t.Region != h.Region {
		return Handle{}, &RegionError{Home: t.Region}
	}
	return t, nil
}

func seal(t Handle, key []byte) (string, error) {
	id, err := ulid.ParseStrict(t.Grant)
	if err != nil || len(t.KeyID) != keys.MACIDLength || len(t.Region) > maxRegion || len(t.Subject) > maxSubject {
		return "", fmt.Errorf("grant %q of %q has no refresh token", t.Grant, t.Subject)
	}
	b := make([]byte, 0, 160)
	b = append(b, tokenVersion)
	b = append(b, t.KeyID...)
	b = append(b, byte(len(t.Region)))
	b = append(b, t.Region...)
	b = append(b, byte(len(t.Subject)))
	b = append(b, t.Subject...)
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint32(b, t.Generation)
	return opaque.Write(opaque.RefreshToken, append(b, mac(key, b)...)), nil
}

// decode reads a payload without believing it.
func decode(payload []byte) (Handle, bool) {
	r := &cursor{rest: payload}
	version := r.take(1)
	t := Handle{KeyID: string(r.take(keys.MACIDLength)), Region: r.text(maxRegion), Subject: r.text(maxSubject)}
	var id ulid.ULID
	copy(id[:], r.take(len(id)))
	generation := r.take(4)
	r.take(macLength)
	if !r.done() || version[0] != tokenVersion {
		return Handle{}, false
	}
	t.Grant, t.Generation = id.String(), binary.BigEndian.Uint32(generation)
	return t, true
}

// mac covers the kind too, so that no other kind of handle can be made of a
// refresh token's MAC.
func mac(key, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(opaque.RefreshToken))
	m.Write(body)
	return m.Sum(nil)
}
