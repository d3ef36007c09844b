package token

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// purpose is the algorithm and the type of a signer. The type prevents the use of one
// kind of token as another (RFC 8725 §3.11).
type purpose struct{ algorithm, typ string }

// signer signs with one key.
type signer struct {
	jose.Signer
	kid string
}

// sign returns the JWT of a type with these claims.
func (m *Minter) sign(ctx context.Context, alg, typ string, claims any) (string, error) {
	s, err := m.signer(ctx, purpose{alg, typ})
	if err != nil {
		return "", fmt.Errorf("mint a token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("marshal the claims: %w", err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign with key %s: %w", s.kid, err)
	}
	value, err := jws.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("serialize the token: %w", err)
	}
	return value, nil
}

// signer returns the signer of the active key for a purpose. Building a signer costs more
// than signing, so it is kept until another key is active.
func (m *Minter) signer(ctx context.Context, p purpose) (signer, error) {
	d, err := m.Keys(ctx)
	if err != nil {
		return signer{}, err
	}
	key, err := d.Active(p.algorithm)
	if err != nil {
		return signer{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.signers[p]; ok && s.kid == key.ID {
		return s, nil
	}
	private, err := key.Signer()
	if err != nil {
		return signer{}, err
	}
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(p.typ)).WithHeader("kid", key.ID)
	built, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(p.algorithm), Key: private}, options)
	if err != nil {
		return signer{}, fmt.Errorf("prepare key %s: %w", key.ID, err)
	}
	if m.signers == nil {
		m.signers = map[purpose]signer{}
	}
	m.signers[p] = signer{Signer: built, kid: key.ID}
	return m.signers[p], nil
}
