// Package registration gives ids to clients that register themselves (RFC 7591),
// and stores nothing.
//
// The id is the registration: it holds the metadata of the client, and an
// [opaque.MAC] under a key of the stage proves that we wrote it. There is no table
// that unknown clients could fill, nothing to purge, and no registration that is
// lost while its client still uses it. An id is good for [Life].
package registration

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Life is how long an id is good. The MAC key under it is kept a little longer.
const Life = 400 * 24 * time.Hour

// ErrTooLong is returned when the metadata does not fit into an id.
var ErrTooLong = errors.New("the metadata is too long for an id")

// IDs writes and reads the ids of a stage.
type IDs struct {
	// Keys returns the MAC key with an id, the one for new ids for an empty
	// id, or keys.ErrUnknown; as vault.Vault.MACKey does.
	Keys func(ctx context.Context, id string) (*keys.MACKey, error)
	Now  func(context.Context) time.Time
}

// The body of an id: the time of issue in epoch seconds, a random part that makes
// each id different, a bit for each grant, the name, and the redirect URIs. A
// text begins with its length. Clients keep their ids for [Life], so a change of
// this needs a reader for the ids before it.
const (
	nonceLength  = 8
	deviceBit    = 1 << 0
	codeBit      = 1 << 1
	lengthLength = 2
	// fixed is the length of what stands before the texts.
	fixed = 8 + nonceLength + 1
)

func (s *IDs) mac() *opaque.MAC { return &opaque.MAC{Kind: opaque.RegisteredClient, Keys: s.Keys} }

// Issue returns an id for a client with that metadata, and when it was issued.
// The error is [ErrTooLong], or why there is no key.
func (s *IDs) Issue(ctx context.Context, m *metadata.Metadata) (id string, issued time.Time, err error) {
	issued = s.Now(ctx).Truncate(time.Second)
	b := binary.BigEndian.AppendUint64(nil, uint64(issued.Unix())) //nolint:gosec // G115: after 1970
	var nonce [nonceLength]byte
	_, _ = rand.Read(nonce[:]) // never an error: it ends the process instead
	b = append(b, nonce[:]...)
	b = append(b, grantBits(m.Grants))
	b = appendText(b, m.Name)
	for _, uri := range m.RedirectURIs {
		b = appendText(b, uri)
	}
	value, err := s.mac().Sign(ctx, b)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issue a client id: %w", err)
	}
	id, err = opaque.Handle(opaque.RegisteredClient, value)
	if errors.Is(err, opaque.ErrTooLong) {
		return "", time.Time{}, ErrTooLong
	}
	return id, issued, err
}

// Client returns the client of an id that we wrote, not longer than [Life] ago.
// [client.ErrUnknown] is returned for every other text. Any other error says why
// the keys cannot be had.
func (s *IDs) Client(ctx context.Context, id string) (*client.Client, error) {
	value, err := opaque.Read(opaque.RegisteredClient, id)
	if err != nil {
		return nil, errForged
	}
	said, err := s.mac().Verify(ctx, value)
	if errors.Is(err, opaque.ErrForged) {
		return nil, errForged
	}
	if err != nil {
		return nil, fmt.Errorf("verify a client id: %w", err)
	}
	return describe(id, said.Body, s.Now(ctx))
}

// Unverified returns the client that an id describes, and does not check that we
// wrote it. It is for an id that is vouched for in another way, such as that in an
// access token of ours, where there are no keys to verify it with.
func Unverified(id string, now time.Time) (*client.Client, error) {
	value, err := opaque.Read(opaque.RegisteredClient, id)
	if err != nil {
		return nil, errForged
	}
	said, err := opaque.Unverified(value)
	if err != nil {
		return nil, errForged
	}
	return describe(id, said.Body, now)
}

var (
	errForged  = fmt.Errorf("client id is not one that we wrote: %w", client.ErrUnknown)
	errExpired = fmt.Errorf("client id has expired: %w", client.ErrUnknown)
)

// describe returns the client that the body of an id describes, if it is not older
// than Life.
func describe(id string, body []byte, now time.Time) (*client.Client, error) {
	if len(body) < fixed+lengthLength {
		return nil, errForged
	}
	issued := time.Unix(int64(binary.BigEndian.Uint64(body)), 0) //nolint:gosec // G115: we wrote no time that does not fit
	m := metadata.Metadata{Grants: grantsOf(body[fixed-1])}
	var texts []string
	for rest := body[fixed:]; len(rest) > 0; {
		if len(rest) < lengthLength {
			return nil, errForged
		}
		n := int(binary.BigEndian.Uint16(rest))
		if rest = rest[lengthLength:]; len(rest) < n {
			return nil, errForged
		}
		texts, rest = append(texts, string(rest[:n])), rest[n:]
	}
	if now.Sub(issued) >= Life {
		return nil, errExpired
	}
	m.Name, m.RedirectURIs = texts[0], texts[1:]
	return m.Client(id), nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) //nolint:gosec // G115: Issue refuses an id with a longer text
}

func grantBits(grants []string) byte {
	var bits byte
	if slices.Contains(grants, oauth.GrantAuthorizationCode) {
		bits |= codeBit
	}
	if slices.Contains(grants, oauth.GrantDeviceCode) {
		bits |= deviceBit
	}
	return bits
}

func grantsOf(bits byte) []string {
	var grants []string
	if bits&codeBit != 0 {
		grants = append(grants, oauth.GrantAuthorizationCode)
	}
	if bits&deviceBit != 0 {
		grants = append(grants, oauth.GrantDeviceCode)
	}
	return append(grants, oauth.GrantRefreshToken)
}
