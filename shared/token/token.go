// Package token makes and judges access tokens.
//
// An access token is a JWT as RFC 9068 profiles it: typed at+jwt, signed with
// the algorithm of the resource that it is for, short-lived, and naming its
// issuer, audience, client and scope. Minting needs a private key; judging
// needs only the public keys of the issuer and what is expected of the token,
// and is one function, Verify, wherever a JWT enters.
package token

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tipstaff/tipstaff/shared/keys"
)

// AccessType is the typ of an access token (RFC 9068 §2.1).
const AccessType = "at+jwt"

// Claims are the claims of an access token (RFC 9068 §2.2). Times are epoch
// seconds.
type Claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience Audience `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope,omitempty"`
	// SessionID is the grant under which the token was issued, empty for a
	// token that a machine got for itself. Such a token is active no longer
	// than its grant.
	SessionID string `json:"sid,omitempty"`
	// AuthTime is when the person last proved who they are, and AMR how (RFC
	// 8176). Both stand beside SessionID only.
	AuthTime int64    `json:"auth_time,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	// NotBefore is honoured where it comes, and never set by us.
	NotBefore int64 `json:"nbf,omitempty"`
}

// Audience is one audience or several; in JSON, a string or an array of
// strings (RFC 7519 §4.1.3).
type Audience []string

// MarshalJSON writes one audience as a string.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a string or an array of strings.
func (a *Audience) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*a = Audience{one}
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return fmt.Errorf("aud is neither a string nor an array of strings")
	}
	*a = several
	return nil
}

// Minter signs access tokens for one issuer.
type Minter struct {
	Issuer string
	// Keys returns the current keys of the stage.
	Keys func(context.Context) (*keys.Document, error)
	Now  func() time.Time

	mu      sync.Mutex
	signers map[string]signer // by algorithm
}

// Request says what token is wanted.
type Request struct {
	Subject  string
	ClientID string
	Audience []string
	Scope    string
	// Algorithm is that of the resources in the audience.
	Algorithm string
	// Lifetime is the longest the token may live; it lives up to 5 %
	// shorter, so that tokens issued together do not expire together.
	Lifetime time.Duration
	// SessionID, AuthTime and AMR are as in Claims; zero for a machine.
	SessionID string
	AuthTime  time.Time
	AMR       []string
}

// Token is a signed access token with what its issuer says about it.
type Token struct {
	Value string
	ID    string
	// Lifetime is in whole seconds.
	Lifetime time.Duration
}

// Mint signs a token. The error is one of the keys.
func (m *Minter) Mint(ctx context.Context, r Request) (*Token, error) {
	sign, err := m.signer(ctx, r.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("mint a token: %w", err)
	}
	now := m.Now()
	lifetime := jitter(r.Lifetime)
	claims := Claims{
		Issuer:   m.Issuer,
		Subject:  r.Subject,
		Audience: r.Audience,
		Expires:  now.Add(lifetime).Unix(),
		IssuedAt: now.Unix(),
		ID:       rand.Text(),
		ClientID: r.ClientID,
		Scope:    r.Scope,
	}
	if r.SessionID != "" {
		claims.SessionID, claims.AuthTime, claims.AMR = r.SessionID, r.AuthTime.Unix(), r.AMR
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("marshal the claims: %w", err)
	}
	jws, err := sign.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("sign with key %s: %w", sign.kid, err)
	}
	value, err := jws.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("serialize the token: %w", err)
	}
	return &Token{Value: value, ID: claims.ID, Lifetime: lifetime}, nil
}

// jitter takes up to 5 % off a lifetime.
func jitter(d time.Duration) time.Duration {
	span := int64(d / time.Second / 20)
	if span < 1 {
		return d
	}
	n, err := rand.Int(rand.Reader, big.NewInt(span+1))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return d - time.Duration(n.Int64())*time.Second
}

// signer signs with one key.
type signer struct {
	jose.Signer
	kid string
}

// signer returns the signer of the active key for alg. Building one costs more
// than signing, so it is kept until another key is active.
func (m *Minter) signer(ctx context.Context, alg string) (signer, error) {
	d, err := m.Keys(ctx)
	if err != nil {
		return signer{}, err
	}
	key, err := d.Active(alg)
	if err != nil {
		return signer{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.signers[alg]; ok && s.kid == key.ID {
		return s, nil
	}
	private, err := key.Signer()
	if err != nil {
		return signer{}, err
	}
	options := (&jose.SignerOptions{}).WithType(AccessType).WithHeader("kid", key.ID)
	built, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: private}, options)
	if err != nil {
		return signer{}, fmt.Errorf("prepare key %s: %w", key.ID, err)
	}
	if m.signers == nil {
		m.signers = map[string]signer{}
	}
	m.signers[alg] = signer{Signer: built, kid: key.ID}
	return m.signers[alg], nil
}
