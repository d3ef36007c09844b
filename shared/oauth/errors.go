// Package oauth holds the words of the OAuth wire: error codes, response
// bodies and the small grammars of the RFCs. It does no I/O and knows no
// store, so every other package may speak it.
package oauth

import "strings"

// Code is an error code as the RFCs register it.
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

	// At the authorization endpoint, in the redirect.
	UnsupportedResponseType  Code = "unsupported_response_type"  // RFC 6749 §4.1.2.1
	AccessDenied             Code = "access_denied"              // RFC 6749 §4.1.2.1, RFC 8628 §3.5
	LoginRequired            Code = "login_required"             // OIDC Core §3.1.2.6
	ConsentRequired          Code = "consent_required"           // OIDC Core §3.1.2.6
	AccountSelectionRequired Code = "account_selection_required" // OIDC Core §3.1.2.6
	InteractionRequired      Code = "interaction_required"       // OIDC Core §3.1.2.6
	// UnmetAuthenticationRequirements says that the person cannot sign in as
	// strongly as acr_values asks (RFC 9470 §5).
	UnmetAuthenticationRequirements Code = "unmet_authentication_requirements"
	InvalidRequestURI               Code = "invalid_request_uri"   // OIDC Core §3.1.2.6, RFC 9126 §4
	RequestNotSupported             Code = "request_not_supported" // OIDC Core §3.1.2.6

	InvalidDPoPProof Code = "invalid_dpop_proof" // RFC 9449 §5
	UseDPoPNonce     Code = "use_dpop_nonce"     // RFC 9449 §8

	// Of the device grant (RFC 8628 §3.5).
	AuthorizationPending Code = "authorization_pending"
	SlowDown             Code = "slow_down"
	ExpiredToken         Code = "expired_token"

	InvalidRedirectURI    Code = "invalid_redirect_uri"    // RFC 7591 §3.2.2
	InvalidClientMetadata Code = "invalid_client_metadata" // RFC 7591 §3.2.2

	// OTPRequired asks a client of the operator's own for the person's second
	// step, in the parameter otp. It is ours.
	OTPRequired Code = "otp_required"

	// NotFound stands in problem documents only.
	NotFound Code = "not_found"
	// InsufficientAuthentication asks for a fresh sign-in (RFC 9470 §3).
	InsufficientAuthentication Code = "insufficient_user_authentication"
)

// Error refuses a request with a code that the client may act on. What a
// handler returns otherwise is a fault of ours and reaches the client without
// detail.
type Error struct {
	Code Code
	// Detail is shown to the client's developer as error_description. It
	// holds no secret and nothing that the client sent unchecked.
	Detail string
	// Err is the cause, for the log.
	Err error
}

// Refuse returns the refusal that is a code and a sentence.
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
