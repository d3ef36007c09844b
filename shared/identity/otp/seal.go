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

// No key is used for two purposes: not that of the passwords, and not one for both
// secrets and recovery codes.
const (
	purposeApps  = "tipstaff otp app"
	purposeCodes = "tipstaff otp recovery codes"
)

// derive is the key of a purpose (RFC 5869).
func derive(p identity.Pepper, purpose string) ([]byte, error) {
	k, err := hkdf.Key(sha256.New, p.Key, nil, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key from pepper %s: %w", p.ID, err)
	}
	return k, nil
}

// newest returns the pepper of new records. Here, unlike for passwords, nothing is
// kept without one: a stage whose keys are older than peppers has to rotate first.
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

// seal returns the secret of a person as it is kept: a random nonce and AES-256-GCM,
// bound to the person, so that nobody who can write to the table can give one
// person's secret to another.
func seal(p identity.Pepper, subject string, secret Secret) ([]byte, error) {
	aead, err := aead(p)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, secret.bytes[:], []byte(subject)), nil
}

var errTampered = errors.New("secret was not sealed for this person")

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
