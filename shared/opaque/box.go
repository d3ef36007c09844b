package opaque

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// Box seals and opens handles of one kind. Only we can read what is in them.
type Box struct {
	Kind Kind
	Keys Keys
}

// The payload of a sealed handle: the version, the id of the key, the seed, and
// the content under AES-256-GCM. The first three are authenticated with it.
const (
	seedLength   = 16
	sealedHead   = headLength + seedLength
	sealedTag    = 16
	sealedLength = sealedHead + sealedTag
)

// Seal returns a handle with that content, a different one every time.
// [ErrTooLong] is returned when the content does not fit.
func (b *Box) Seal(ctx context.Context, content []byte) (string, error) {
	k, err := b.Keys.get(ctx, "")
	if err != nil {
		return "", fmt.Errorf("seal a handle: %w", err)
	}
	head := appendHead(make([]byte, 0, sealedLength+len(content)), k)[:sealedHead]
	rand.Read(head[headLength:]) // never fails (crypto/rand)
	aead, nonce, err := b.cipher(k.Key, head)
	if err != nil {
		return "", err
	}
	return Handle(b.Kind, aead.Seal(head, nonce, content, b.bound(head)))
}

// Open returns the content of a handle. [ErrForged] is returned for everything
// that Seal did not return in this stage while its key lasts. Any other error
// says why the keys cannot be had.
func (b *Box) Open(ctx context.Context, text string) ([]byte, error) {
	payload, err := Read(b.Kind, text)
	if err != nil || len(payload) < sealedLength || payload[0] != version {
		return nil, ErrForged
	}
	head, body := payload[:sealedHead], payload[sealedHead:]
	k, err := b.Keys.of(ctx, string(head[1:headLength]))
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

// cipher derives the key and the nonce of one handle from its seed (RFC 5869). So
// no pair of key and nonce is used twice, however many handles there are, and no
// key serves two purposes.
func (b *Box) cipher(key, head []byte) (aead cipher.AEAD, nonce []byte, err error) {
	const keyLength, nonceLength = 32, 12
	okm, err := hkdf.Key(sha256.New, key, head[headLength:], "tipstaff sealed "+string(b.Kind), keyLength+nonceLength)
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

// bound is what the encryption is bound to besides the content.
func (b *Box) bound(head []byte) []byte { return append([]byte(b.Kind), head...) }
