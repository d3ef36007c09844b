package session

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Handles writes and reads refresh tokens.
//
// A refresh token says which grant and generation it is, and an [opaque.MAC]
// under a key of the stage proves that we wrote it. Nothing of it is stored: the
// token of a generation can be written again at any time and is always the same.
// A forged one is refused before a table is read.
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
	// Region is the home of the grant: it may be refreshed only there, since
	// a copy of the table in another region lags behind.
	Region string
	// KeyID names the key under the MAC. All tokens of a grant have the same,
	// so that a rotation of the keys does not change one.
	KeyID string
}

// ErrForged is returned when a text is no refresh token, or no code, that we
// wrote.
var ErrForged = opaque.ErrForged

// RegionError is returned when a refresh token or a code is genuine and belongs to
// another region.
type RegionError struct{ Home string }

func (e *RegionError) Error() string { return "the grant is at home in region " + e.Home }

// The body of a token: region and subject with their lengths, the ULID of the
// grant, the generation.
const (
	maxRegion  = 32
	maxSubject = 64
	maxBody    = 1 + maxRegion + 1 + maxSubject + len(ulid.ULID{}) + 4
)

func (h *Handles) mac() *opaque.MAC { return &opaque.MAC{Kind: opaque.RefreshToken, Keys: h.Keys} }

// Mint returns the token for a generation of a grant that was created here, under
// the key for new handles. It is for the first generation of a grant; Next
// writes the others.
func (h *Handles) Mint(ctx context.Context, subject, grant string, generation uint32) (string, error) {
	var buffer [maxBody]byte
	body, err := appendBody(buffer[:0], Handle{Subject: subject, Grant: grant, Generation: generation, Region: h.Region})
	if err != nil {
		return "", err
	}
	value, err := h.mac().Sign(ctx, body)
	if err != nil {
		return "", fmt.Errorf("mint a refresh token: %w", err)
	}
	return opaque.Write(opaque.RefreshToken, value), nil
}

// Next returns the token of the generation after that of t, for the answer to a
// refresh with t. It is the same every time.
func (h *Handles) Next(ctx context.Context, t Handle) (string, error) {
	t.Generation++
	var buffer [maxBody]byte
	body, err := appendBody(buffer[:0], t)
	if err != nil {
		return "", err
	}
	value, err := h.mac().SignUnder(ctx, t.KeyID, body)
	if err != nil {
		return "", fmt.Errorf("mint a refresh token: %w", err)
	}
	return opaque.Write(opaque.RefreshToken, value), nil
}

// Parse returns what a genuine token says. [ErrForged] is returned for every other
// text, a [*RegionError] for a genuine token of another region. Any other error
// says why the keys cannot be had.
func (h *Handles) Parse(ctx context.Context, text string) (Handle, error) {
	value, err := opaque.Read(opaque.RefreshToken, text)
	if err != nil {
		return Handle{}, ErrForged
	}
	said, err := h.mac().Verify(ctx, value)
	if err != nil {
		return Handle{}, fmt.Errorf("verify a refresh token: %w", err)
	}
	t, ok := decode(said)
	if !ok {
		return Handle{}, ErrForged
	}
	if t.Region != h.Region {
		return Handle{}, &RegionError{Home: t.Region}
	}
	return t, nil
}

func appendBody(b []byte, t Handle) ([]byte, error) {
	id, err := ulid.ParseStrict(t.Grant)
	if err != nil || len(t.Region) > maxRegion || len(t.Subject) > maxSubject {
		return nil, fmt.Errorf("grant %q of %q has no refresh token", t.Grant, t.Subject)
	}
	b = append(b, byte(len(t.Region)))
	b = append(b, t.Region...)
	b = append(b, byte(len(t.Subject)))
	b = append(b, t.Subject...)
	b = append(b, id[:]...)
	return binary.BigEndian.AppendUint32(b, t.Generation), nil
}

func decode(said opaque.Signed) (Handle, bool) {
	r := &cursor{rest: said.Body}
	t := Handle{KeyID: said.KeyID, Region: r.text(maxRegion), Subject: r.text(maxSubject)}
	var id ulid.ULID
	copy(id[:], r.take(len(id)))
	generation := r.take(4)
	if !r.done() {
		return Handle{}, false
	}
	t.Grant, t.Generation = id.String(), binary.BigEndian.Uint32(generation)
	return t, true
}
