// Package token signs and verifies access tokens, id tokens and logout tokens.
//
// # Access tokens
//
// An access token is a JWT in the profile of RFC 9068. Its type is at+jwt. The resource
// in its audience decides the algorithm and the lifetime. It names its issuer, audience,
// client and scope. See [Claims].
//
// # Signing
//
// A [Minter] signs for one issuer with the active private keys of the stage:
// [Minter.Mint] an access token, [Minter.ID] an id token, [Minter.Logout] a logout token.
//
// # Verifying
//
// Verification needs only the public keys of the issuer and the expected values. It is
// one function for every place that accepts our access tokens, [Verify]. [Parse] reads
// every JWT from outside, including those of other issuers, and [JWS.Verify] checks its
// signature. The algorithm is always that of the key, never that of the header.
package token

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
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
	// SessionID is the grant under which the token was issued. It is empty for a
	// token that a client got for itself. A token with a grant is active no longer
	// than the grant.
	SessionID string `json:"sid,omitempty"`
	// AuthTime is when the user last authenticated, and AMR the methods (RFC 8176).
	// Both are set only together with SessionID.
	AuthTime int64    `json:"auth_time,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	// ACR is the class of that authentication, by oauth.ACR.
	ACR string `json:"acr,omitempty"`
	// Confirmation binds the token to a key (RFC 7800). It is nil for a bearer token.
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Act is the actor for the subject (RFC 8693 §4.1). MayAct is the party that may
	// become the actor (§4.4).
	Act    *Actor `json:"act,omitempty"`
	MayAct *Actor `json:"may_act,omitempty"`
	// NotBefore is checked when present, and we never set it.
	NotBefore int64 `json:"nbf,omitempty"`
}

// Confirmation names the key that the sender must prove (RFC 9449 §6.1).
type Confirmation struct {
	// JKT is the SHA-256 thumbprint of the key (RFC 7638), base64url.
	JKT string `json:"jkt"`
}

// Actor is the party that acts for a subject, with the actors before it.
type Actor struct {
	Subject  string `json:"sub"`
	ClientID string `json:"client_id,omitempty"`
	Act      *Actor `json:"act,omitempty"`
}

// Audience is one or several audiences. In JSON it is a string or an array of strings
// (RFC 7519 §4.1.3).
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

// Minter signs tokens for one issuer.
type Minter struct {
	Issuer string
	// Keys returns the current keys of the stage.
	Keys func(context.Context) (*keys.Document, error)
	Now  func(context.Context) time.Time

	mu      sync.Mutex
	signers map[purpose]signer
}

// Request is the input of [Minter.Mint].
type Request struct {
	Subject  string
	ClientID string
	Audience []string
	Scope    string
	// Algorithm is the algorithm of the resources in the audience.
	Algorithm string
	// Lifetime is the maximum. The actual lifetime is up to 5 % shorter, so that
	// tokens issued together do not expire together.
	Lifetime time.Duration
	// SessionID, AuthTime and AMR are as in [Claims]. They are zero for a client's own token.
	SessionID string
	AuthTime  time.Time
	AMR       []string
	// JKT is the thumbprint of the key that the token is bound to, empty for a bearer
	// token.
	JKT string
	// Act is as in [Claims].
	Act *Actor
}

// Token is a signed access token with the values that the token response repeats.
type Token struct {
	Value string
	ID    string
	// Lifetime is in whole seconds.
	Lifetime time.Duration
}

// Mint signs an access token. An error comes from the keys.
func (m *Minter) Mint(ctx context.Context, r Request) (*Token, error) {
	now := m.Now(ctx)
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
		Act:      r.Act,
	}
	if r.SessionID != "" {
		claims.SessionID, claims.AuthTime, claims.AMR = r.SessionID, r.AuthTime.Unix(), r.AMR
		claims.ACR = oauth.ACR(r.AMR)
	}
	if r.JKT != "" {
		claims.Confirmation = &Confirmation{JKT: r.JKT}
	}
	value, err := m.sign(ctx, r.Algorithm, AccessType, claims)
	if err != nil {
		return nil, err
	}
	return &Token{Value: value, ID: claims.ID, Lifetime: lifetime}, nil
}

// jitter shortens a lifetime by up to 5 %.
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
