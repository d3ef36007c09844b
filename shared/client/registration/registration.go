// Package registration gives ids to clients that register themselves (RFC 7591),
// without keeping anything.
//
// The id is the registration: it holds the metadata of the client, and a MAC
// under a key of the stage proves that we wrote it. There is no table that
// strangers could fill, nothing to purge, and no registration that is lost while
// its client still uses it. An id is good for Life.
package registration

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
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

// ErrTooLong says that the metadata does not fit into an id.
var ErrTooLong = errors.New("the metadata is too long for an id")

// IDs writes and reads the ids of a stage.
type IDs struct {
	// Keys returns the MAC key with an id, the one for new ids for an empty
	// id, or keys.ErrUnknown; as vault.Vault.MACKey does.
	Keys func(ctx context.Context, id string) (*keys.MACKey, error)
	Now  func(context.Context) time.Time
}

// The payload of an id: the version, the id of the MAC key, the time of issue in
// epoch seconds, a random part that makes each id another, a bit for each grant,
// the name, the redirect URIs, and the MAC. A text begins with its length.
const (
	version      = 1
	nonceLength  = 8
	deviceBit    = 1 << 0
	codeBit      = 1 << 1
	lengthLength = 2
	macLength    = sha256.Size
)

// Issue returns an id for a client with that metadata, and when it was issued.
// The error is ErrTooLong, or why there is no key.
func (s *IDs) Issue(ctx context.Context, m *metadata.Metadata) (id string, issued time.Time, err error) {
	k, err := s.Keys(ctx, "")
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issue a client id: %w", err)
	}
	issued = s.Now(ctx).Truncate(time.Second)
	b := append([]byte{version}, k.ID...)
	b = binary.BigEndian.AppendUint64(b, uint64(issued.Unix())) //nolint:gosec // G115: after 1970
	var nonce [nonceLength]byte
	_, _ = rand.Read(nonce[:]) // never an error: it ends the process instead
	b = append(b, nonce[:]...)
	b = append(b, grantBits(m.Grants))
	b = appendText(b, m.Name)
	for _, uri := range m.RedirectURIs {
		b = appendText(b, uri)
	}
	id = opaque.Write(opaque.RegisteredClient, append(b, mac(k.Key, b)...))
	if len(id) > opaque.MaxLength {
		return "", time.Time{}, ErrTooLong
	}
	return id, issued, nil
}

// Client returns the client of an id that we wrote, not longer than Life ago.
// Every other text is client.ErrUnknown; another error is why the keys cannot be
// had.
func (s *IDs) Client(ctx context.Context, id string) (*client.Client, error) {
	p, err := parse(id)
	if err != nil {
		return nil, err
	}
	k, err := s.Keys(ctx, p.key)
	if errors.Is(err, keys.ErrUnknown) {
		return nil, errForged
	}
	if err != nil {
		return nil, fmt.Errorf("verify a client id: %w", err)
	}
	if !hmac.Equal(mac(k.Key, p.body), p.mac) {
		return nil, errForged
	}
	return p.client(id, s.Now(ctx))
}

// Unverified returns the client that an id describes, whoever wrote it. It is
// for an id that we vouched for otherwise, such as that in an access token of
// ours, where there are no keys to verify it with.
func Unverified(id string, now time.Time) (*client.Client, error) {
	p, err := parse(id)
	if err != nil {
		return nil, err
	}
	return p.client(id, now)
}

var (
	errForged  = fmt.Errorf("client id is not one that we wrote: %w", client.ErrUnknown)
	errExpired = fmt.Errorf("client id has expired: %w", client.ErrUnknown)
)

// payload is what an id says.
type payload struct {
	key      string
	issued   time.Time
	metadata metadata.Metadata
	// body is what the mac is of.
	body, mac []byte
}

func (p *payload) client(id string, now time.Time) (*client.Client, error) {
	if age := now.Sub(p.issued); age >= Life {
		return nil, errExpired
	}
	return p.metadata.Client(id), nil
}

// fixed is the length of what stands before the texts.
const fixed = 1 + keys.MACIDLength + 8 + nonceLength + 1

// parse reads an id without believing it.
func parse(id string) (*payload, error) {
	b, err := opaque.Read(opaque.RegisteredClient, id)
	if err != nil || len(b) < fixed+lengthLength+macLength || b[0] != version {
		return nil, errForged
	}
	end := len(b) - macLength
	p := &payload{key: string(b[1 : 1+keys.MACIDLength]), body: b[:end], mac: b[end:]}
	rest := b[1+keys.MACIDLength : end]
	p.issued = time.Unix(int64(binary.BigEndian.Uint64(rest)), 0) //nolint:gosec // G115: what does not fit was not written by us
	rest = rest[8+nonceLength:]
	p.metadata.Grants = grantsOf(rest[0])
	var texts []string
	for rest = rest[1:]; len(rest) > 0; {
		if len(rest) < lengthLength {
			return nil, errForged
		}
		n := int(binary.BigEndian.Uint16(rest))
		if rest = rest[lengthLength:]; len(rest) < n {
			return nil, errForged
		}
		texts, rest = append(texts, string(rest[:n])), rest[n:]
	}
	p.metadata.Name, p.metadata.RedirectURIs = texts[0], texts[1:]
	return p, nil
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

// mac covers the kind too, so that no other kind of handle can be made of it.
func mac(key, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(opaque.RegisteredClient))
	m.Write(body)
	return m.Sum(nil)
}
