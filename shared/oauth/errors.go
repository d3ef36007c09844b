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
