// Package token makes and judges access tokens, and the tokens that tell a client
// who signed in and that they are gone.
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
	// SessionID is the grant under which the token was issued, empty for a
	// token that a machine got for itself. Such a token is active no longer
	// than its grant.
	SessionID string `json:"sid,omitempty"`
	// AuthTime is when the person last proved who they are, and AMR how (RFC
	// 8176). Both stand beside SessionID only.
	AuthTime int64    `json:"auth_time,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	// ACR is the class of that sign-in, by oauth.ACR.
	ACR string `json:"acr,omitempty"`
	// Confirmation binds the token to a key (RFC 7800); nil for a bearer's.
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Act is who acts for the subject (RFC 8693 §4.1), and MayAct who may
	// become that (§4.4).
	Act    *Actor `json:"act,omitempty"`
	MayAct *Actor `json:"may_act,omitempty"`
	// NotBefore is honoured where it comes, and never set by us.
	NotBefore int64 `json:"nbf,omitempty"`
}

// Confirmation names the key that must be proved with the token (RFC 9449 §6.1).
type Confirmation struct {
	// JKT is the SHA-256 thumbprint of the key (RFC 7638), base64url.
	JKT string `json:"jkt"`
}

// Actor is who acts for a subject, and for whom that one acted before.
type Actor struct {
	Subject  string `json:"sub"`
	ClientID string `json:"client_id,omitempty"`
	Act      *Actor `json:"act,omitempty"`
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
	Now  func(context.Context) time.Time

	mu      sync.Mutex
	signers map[purpose]signer
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
	// JKT is the thumbprint of the key that the token is bound to, empty for
	// a bearer token.
	JKT string
	// Act is as in Claims.
	Act *Actor
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
