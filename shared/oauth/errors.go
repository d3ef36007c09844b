// Package oauth holds the protocol elements of OAuth: error codes, request and
// response bodies, and the small grammars of the RFCs.
//
// It does no I/O and imports no store, so every other package may import it.
//
// # Errors
//
// A handler refuses a request with an [Error], which has one of the registered
// codes and a detail for the client's developer. Package httpapi answers any other
// error with [ServerError] and no detail.
//
// # Grammars
//
// [ParseScope] reads a scope value. [ACR] and [MeetsACR] rank how a user
// authenticated.
package oauth

import "strings"

// Code is a registered error code.
type Code string

// The error codes that Tipstaff answers with.
const (
	InvalidRequest         Code = "invalid_request"         // RFC 6749 §5.2
	InvalidClient          Code = "invalid_client"          // RFC 6749 §5.2
	InvalidGrant           Code = "invalid_grant"           // RFC 6749 §5.2
	UnauthorizedClient     Code = "unauthorized_client"     // RFC 6749 §5.2
	UnsupportedGrantType   Code = "unsupported_grant_type"  // RFC 6749 §5.2
	InvalidScope           Code = "invalid_scope"           // RFC 6749 §5.2
	InvalidTarget          Code = "invalid_target"          // RFC 8707 §2
	InvalidToken           Code = "invalid_token"           // RFC 6750 §3.1
	InsufficientScope      Code = "insufficient_scope"      // RFC 6750 §3.1
	TemporarilyUnavailable Code = "temporarily_unavailable" // RFC 6749 §4.1.2.1
	ServerError            Code = "server_error"            // RFC 6749 §4.1.2.1

	// The codes of the authorization endpoint, sent in the redirect.
	UnsupportedResponseType  Code = "unsupported_response_type"  // RFC 6749 §4.1.2.1
	AccessDenied             Code = "access_denied"              // RFC 6749 §4.1.2.1, RFC 8628 §3.5
	LoginRequired            Code = "login_required"             // OIDC Core §3.1.2.6
	ConsentRequired          Code = "consent_required"           // OIDC Core §3.1.2.6
	AccountSelectionRequired Code = "account_selection_required" // OIDC Core §3.1.2.6
	InteractionRequired      Code = "interaction_required"       // OIDC Core §3.1.2.6
	// UnmetAuthenticationRequirements is returned when the user cannot
	// authenticate as strongly as acr_values requests (RFC 9470 §5).
	UnmetAuthenticationRequirements Code = "unmet_authentication_requirements"
	InvalidRequestURI               Code = "invalid_request_uri"   // OIDC Core §3.1.2.6, RFC 9126 §4
	RequestNotSupported             Code = "request_not_supported" // OIDC Core §3.1.2.6

	InvalidDPoPProof Code = "invalid_dpop_proof" // RFC 9449 §5
	UseDPoPNonce     Code = "use_dpop_nonce"     // RFC 9449 §8

	// The codes of the device grant (RFC 8628 §3.5).
	AuthorizationPending Code = "authorization_pending"
	SlowDown             Code = "slow_down"
	ExpiredToken         Code = "expired_token"

	InvalidRedirectURI    Code = "invalid_redirect_uri"    // RFC 7591 §3.2.2
	InvalidClientMetadata Code = "invalid_client_metadata" // RFC 7591 §3.2.2

	// OTPRequired asks a first-party client for the user's second factor, in
	// the parameter otp. It is not registered: Tipstaff defines it.
	OTPRequired Code = "otp_required"

	// NotFound is used in problem documents only.
	NotFound Code = "not_found"
	// InsufficientAuthentication asks for a fresh sign-in (RFC 9470 §3).
	InsufficientAuthentication Code = "insufficient_user_authentication"
)

// Error refuses a request with a code that the client may act on. Any other error
// of a handler is a server fault and reaches the client without detail.
type Error struct {
	Code Code
	// Detail is shown to the client's developer as error_description. It holds
	// no secret and no unchecked input.
	Detail string
	// Err is the cause, for the log.
	Err error
}

// Refuse returns an [Error] with a code and a sentence for the developer.
func Refuse(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }
