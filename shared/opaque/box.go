// Package opaque writes handles that carry what they mean.
//
// What a stranger gives back to us later, we could store and give them its name.
// A sealed handle needs no store: everything is in it, encrypted under a key of
// the stage, so that nobody else can read it, change it or make one. Opening it
// asks nobody, and a forged one costs us a few microseconds. What a sealed
// handle cannot do is be used up; whoever needs that has to remember.
package opaque

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/keys"
)

// Box seals and opens handles of one kind.
type Box struct {
	Kind Kind
	// Keys returns the MAC key with an id, the one for new handles for an
	// empty id, or keys.ErrUnknown; as vault.Vault.MACKey does.
	Keys func(ctx context.Context, id string) (*keys.MACKey, error)
}

var (
	// ErrForged says that a text is no handle of this kind that we sealed.
	ErrForged = errors.New("handle is not ours")
	// ErrTooLong says that the content has no room in a handle.
	ErrTooLong = errors.New("content does not fit into a handle")
)

// The payload of a handle: the version, the id of the key, the seed, and the
// content under AES-256-GCM. The first three are authenticated with it.
const (
	version    = 1
	seedLength = 16
	headLength = 1 + keys.MACIDLength + seedLength
	tagLength  = 16
)

// Seal returns a handle with that content, another one every time.
func (b *Box) Seal(ctx context.Context, content []byte) (string, error) {
	k, err := b.Keys(ctx, "")
	if err != nil {
		return "", fmt.Errorf("seal a handle: %w", err)
	}
	head := make([]byte, 0, headLength+len(content)+tagLength)
	head = append(append(head, version), k.ID...)
	head = head[:headLength]
	rand.Read(head[headLength-seedLength:]) // never fails (crypto/rand)
	aead, nonce, err := b.cipher(k.Key, head)
	if err != nil {
		return "", err
	}
	text := Write(b.Kind, aead.Seal(head, nonce, content, b.bound(head)))
	if len(text) > MaxLength {
		return "", ErrTooLong
	}
	return text, nil
}

// Open returns the content of a handle. The error is ErrForged for everything
// that Seal did not return in this stage while its key lasts, or why the keys
// cannot be had.
func (b *Box) Open(ctx context.Context, text string) ([]byte, error) {
	payload, err := Read(b.Kind, text)
	if err != nil || len(payload) < headLength+tagLength || payload[0] != version {
		return nil, ErrForged
	}
	head, body := payload[:headLength], payload[headLength:]
	k, err := b.Keys(ctx, string(head[1:1+keys.MACIDLength]))
	if errors.Is(err, keys.ErrUnknown) {
		return nil, ErrForged
	}
	if err != nil {
		return nil, fmt.Errorf("open a handle: %w", err)
	}
	aead, nonce, err := b.cipher(k.Key, head)
	if err != nil {
		return nil, err
	}
	content, err := aead.Open(nil, nonce, body, b.bound(head))
	if err != nil {
		return nil, ErrForged
	}
	return content, nil
}

// cipher derives the key and the nonce of one handle from its seed (RFC 5869), so
// that no pair of both is used twice however many handles there are, and no key
// of ours is used for two purposes.
func (b *Box) cipher(key, head []byte) (aead cipher.AEAD, nonce []byte, err error) {
	const keyLength, nonceLength = 32, 12
	okm, err := hkdf.Key(sha256.New, key, head[headLength-seedLength:], "tipstaff sealed "+string(b.Kind), keyLength+nonceLength)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the key of a handle: %w", err)
	}
	block, err := aes.NewCipher(okm[:keyLength])
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the cipher of a handle: %w", err)
	}
	aead, err = cipher.NewGCM(block)
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the cipher of a handle: %w", err)
	}
	return aead, okm[keyLength:], nil
}

// bound is what the encryption is bound to beside the content.
func (b *Box) bound(head []byte) []byte { return append([]byte(b.Kind), head...) }
