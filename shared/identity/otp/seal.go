package otp

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/identity"
)

// Each purpose has a separate key: passwords, secrets of apps, and recovery codes.
const (
	purposeApps  = "tipstaff otp app"
	purposeCodes = "tipstaff otp recovery codes"
)

// derive returns the key of a purpose (HKDF, RFC 5869).
func derive(p identity.Pepper, purpose string) ([]byte, error) {
	k, err := hkdf.Key(sha256.New, p.Key, nil, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key from pepper %s: %w", p.ID, err)
	}
	return k, nil
}

// newest returns the pepper for new records. Unlike a password, an app is never stored
// without one: a stage with keys that are older than peppers must rotate them first.
func (s *Store) newest(ctx context.Context) (identity.Pepper, error) {
	p, err := s.Peppers(ctx, "")
	if err == nil && p.ID == "" {
		err = identity.ErrPepper
	}
	if err != nil {
		return identity.Pepper{}, fmt.Errorf("pepper of new codes: %w", err)
	}
	return p, nil
}

// seal returns the stored form of a user's secret: a random nonce and AES-256-GCM. It is
// bound to the subject, so that write access to the table is not enough to give the
// secret of one user to another.
func seal(p identity.Pepper, subject string, secret Secret) ([]byte, error) {
	aead, err := aead(p)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, secret.bytes[:], []byte(subject)), nil
}

var errTampered = errors.New("secret was not sealed for this user")

func unseal(p identity.Pepper, subject string, sealed []byte) (Secret, error) {
	var secret Secret
	aead, err := aead(p)
	if err != nil {
		return secret, err
	}
	plain, err := aead.Open(nil, nil, sealed, []byte(subject))
	if err != nil || len(plain) != secretBytes {
		return secret, errTampered
	}
	copy(secret.bytes[:], plain)
	return secret, nil
}

func aead(p identity.Pepper) (cipher.AEAD, error) {
	k, err := derive(p, purposeApps)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("prepare the cipher of secrets: %w", err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("prepare the cipher of secrets: %w", err)
	}
	return a, nil
}
