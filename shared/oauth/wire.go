package oauth

// GrantClientCredentials is the grant type of RFC 6749 §4.4.
const GrantClientCredentials = "client_credentials"

// The ways in which a client with a secret authenticates (RFC 7591 §2).
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
)

// The algorithms that sign tokens (RFC 7518 §3.1). There are no others: a token
// never chooses how it is verified.
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
}

// TokenTypeBearer is the token_type of a bearer token (RFC 6750).
const TokenTypeBearer = "Bearer"

// ErrorResponse is the body of a refusal (RFC 6749 §5.2).
type ErrorResponse struct {
	Error       Code   `json:"error"`
	Description string `json:"error_description,omitempty"`
	URI         string `json:"error_uri,omitempty"`
}

// Introspection is the answer of the introspection endpoint (RFC 7662 §2.2).
// The zero value is the answer for a token that is not active.
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
}

// Metadata is the authorization server metadata (RFC 8414 §2). It lists what
// works and nothing else.
type Metadata struct {
	Issuer                    string   `json:"issuer"`
	TokenEndpoint             string   `json:"token_endpoint"`
	JWKSURI                   string   `json:"jwks_uri"`
	IntrospectionEndpoint     string   `json:"introspection_endpoint"`
	ScopesSupported           []string `json:"scopes_supported,omitempty"`
	ResponseTypesSupported    []string `json:"response_types_supported"`
	GrantTypesSupported       []string `json:"grant_types_supported"`
	TokenAuthMethods          []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionAuthMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	ServiceDocumentation      string   `json:"service_documentation,omitempty"`
	ResourceIndicatorsSupport bool     `json:"resource_indicators_supported,omitempty"`
}
