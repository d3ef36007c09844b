package token

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// The typ of an id token, and of a logout token (OIDC Back-Channel Logout §2.4).
const (
	IDType     = "JWT"
	LogoutType = "logout+jwt"
)

// The lifetimes of these tokens. A client reads both on arrival.
const (
	IDLife     = 5 * time.Minute
	LogoutLife = 2 * time.Minute
)

// IDClaims are the claims of an id token (OIDC Core §2). Times are epoch seconds.
type IDClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience Audience `json:"aud"`
	// AuthorizedParty is the client, like the audience.
	AuthorizedParty string `json:"azp,omitempty"`
	Expires         int64  `json:"exp"`
	IssuedAt        int64  `json:"iat"`
	// AuthTime, ACR and AMR say when and how the user authenticated.
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	// Nonce is the nonce of the authorization request.
	Nonce string `json:"nonce,omitempty"`
	// AccessTokenHash is the hash of the access token beside it (§3.1.3.6).
	AccessTokenHash string `json:"at_hash,omitempty"`
	// SessionID is as in [Claims], and in the logout token of the session.
	SessionID string `json:"sid,omitempty"`
}

// IDRequest is the input of [Minter.ID].
type IDRequest struct {
	Subject, ClientID string
	// Algorithm is the client's id token algorithm, empty for oauth.ES256.
	Algorithm string
	// Nonce is empty when the request had none, and after a refresh.
	Nonce     string
	AuthTime  time.Time
	AMR       []string
	SessionID string
	// AccessToken is the access token that is issued with it.
	AccessToken string
}

// ID signs an id token. An error comes from the keys.
func (m *Minter) ID(ctx context.Context, r IDRequest) (string, error) {
	now := m.Now(ctx)
	sum := sha256.Sum256([]byte(r.AccessToken))
	return m.sign(ctx, cmp.Or(r.Algorithm, oauth.ES256), IDType, IDClaims{
		Issuer: m.Issuer, Subject: r.Subject, Audience: Audience{r.ClientID}, AuthorizedParty: r.ClientID,
		Expires: now.Add(IDLife).Unix(), IssuedAt: now.Unix(),
		AuthTime: r.AuthTime.Unix(), ACR: oauth.ACR(r.AMR), AMR: r.AMR, Nonce: r.Nonce, SessionID: r.SessionID,
		// Both algorithms hash with SHA-256.
		AccessTokenHash: base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]),
	})
}

// LogoutRequest is the input of [Minter.Logout].
type LogoutRequest struct {
	Subject, ClientID string
	// Algorithm is the client's id token algorithm, empty for oauth.ES256.
	Algorithm string
	SessionID string
	// ID is the jti, empty for a new one. A token that is sent again keeps its jti,
	// so that the client can detect the repetition.
	ID string
}

// logoutEvent is the member of events that makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout signs a logout token, which notifies a client that a session has ended (OIDC
// Back-Channel Logout §2.4). An error comes from the keys.
func (m *Minter) Logout(ctx context.Context, r LogoutRequest) (string, error) {
	now := m.Now(ctx)
	type claims struct {
		Issuer    string              `json:"iss"`
		Subject   string              `json:"sub"`
		Audience  Audience            `json:"aud"`
		IssuedAt  int64               `json:"iat"`
		Expires   int64               `json:"exp"`
		ID        string              `json:"jti"`
		Events    map[string]struct{} `json:"events"`
		SessionID string              `json:"sid"`
	}
	return m.sign(ctx, cmp.Or(r.Algorithm, oauth.ES256), LogoutType, claims{
		Issuer: m.Issuer, Subject: r.Subject, Audience: Audience{r.ClientID},
		IssuedAt: now.Unix(), Expires: now.Add(LogoutLife).Unix(),
		ID: cmp.Or(r.ID, rand.Text()), Events: map[string]struct{}{logoutEvent: {}}, SessionID: r.SessionID,
	})
}

// VerifyID returns the claims of an id token that we issued, expired or not. Otherwise
// the error wraps [ErrInvalid]. A client sends one as id_token_hint, which may be as old
// as the session (OIDC RP-Initiated Logout §2). The token identifies the user and the
// client of the session. It proves nothing about the sender of the request.
func VerifyID(ctx context.Context, text string, want Expect) (*IDClaims, error) {
	var c IDClaims
	if err := verify(ctx, text, want, &c); err != nil {
		return nil, err
	}
	switch {
	case c.Issuer != want.Issuer:
		return nil, invalid("iss is another issuer")
	case c.IssuedAt == 0 || c.IssuedAt > want.Now.Add(skew).Unix():
		return nil, invalid("iat is missing or in the future")
	case c.Subject == "" || c.SessionID == "" || c.Expires == 0 || len(c.Audience) != 1 || c.Audience[0] == "":
		return nil, invalid("a required claim is missing")
	case c.AuthorizedParty != "" && !slices.Contains(c.Audience, c.AuthorizedParty):
		return nil, invalid("azp is another client")
	}
	return &c, nil
}
