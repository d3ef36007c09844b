package oauth

// The grant types.
const (
	// GrantClientCredentials is the client credentials grant (RFC 6749 §4.4).
	GrantClientCredentials = "client_credentials"
	// GrantRefreshToken is the refresh of an access token (RFC 6749 §6).
	GrantRefreshToken = "refresh_token"
	// GrantAuthorizationCode is the authorization code grant (RFC 6749 §4.1).
	GrantAuthorizationCode = "authorization_code"
	// GrantDeviceCode is the device authorization grant (RFC 8628 §3.4).
	GrantDeviceCode = "urn:ietf:params:oauth:grant-type:device_code"
	// GrantTokenExchange is the token exchange (RFC 8693 §2.1).
	GrantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // G101: a name and no credential
)

// The client authentication methods (RFC 7591 §2).
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
	// AuthNone is the method of a public client, which has no credentials: a
	// page, or a program on the user's device.
	AuthNone = "none"
	// PrivateKeyJWT is a signed client assertion (RFC 7523 §2.2).
	PrivateKeyJWT = "private_key_jwt"
)

// The algorithms that sign our tokens (RFC 7518 §3.1). A token never chooses the
// algorithm that verifies it.
const (
	ES256 = "ES256"
	RS256 = "RS256"
)

// TokenResponse is the successful answer of the token endpoint (RFC 6749
// §5.1). Strict clients reject a missing token_type, a null expires_in and an
// empty refresh_token, so the types leave no room for them.
type TokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	// ExpiresIn is in seconds.
	ExpiresIn int64 `json:"expires_in"`
	// Scope is always sent, possibly empty.
	Scope string `json:"scope"`
	// RefreshToken is absent where there is none. It is also absent for a
	// browser, which has it in a cookie that no script can read.
	RefreshToken string `json:"refresh_token,omitempty"`
	// IDToken identifies the user (OpenID Connect Core §3.1.3.3).
	IDToken string `json:"id_token,omitempty"`
	// IssuedTokenType is the type of the token from an exchange (RFC 8693 §2.2.1).
	IssuedTokenType string `json:"issued_token_type,omitempty"`
	// Session is sent to browsers only, which have no other way to know.
	Session *SessionTimes `json:"session,omitempty"`
}

// SessionTimes are the times, in epoch seconds, at which a session ends: at the
// latest, and if it is not used before.
type SessionTimes struct {
	Expires     int64 `json:"expires_at"`
	IdleExpires int64 `json:"idle_expires_at"`
}

// TokenTypeBearer is the token_type of a bearer token (RFC 6750).
const TokenTypeBearer = "Bearer"

// TokenTypeDPoP is the token_type of a token that is only valid with a proof of its
// key (RFC 9449 §5).
const TokenTypeDPoP = "DPoP"

// ErrorResponse is the body of a refusal (RFC 6749 §5.2).
type ErrorResponse struct {
	Error       Code   `json:"error"`
	Description string `json:"error_description,omitempty"`
	URI         string `json:"error_uri,omitempty"`
}

// Introspection is the answer of the introspection endpoint (RFC 7662 §2.2). The
// zero value is the answer for an inactive token.
type Introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Audience  any    `json:"aud,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	ID        string `json:"jti,omitempty"`
	// SessionID, AuthTime and AMR are set for the token of a user.
	SessionID string   `json:"sid,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	// Act is the actor for the subject (RFC 8693 §4.1), a token.Actor.
	// Confirmation names the key to prove (RFC 7800), a token.Confirmation.
	Act          any `json:"act,omitempty"`
	Confirmation any `json:"cnf,omitempty"`
}
