package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// errorsPage documents every code; the fragment is the code.
const errorsPage = "https://github.com/tipstaff/tipstaff/blob/main/docs/errors.md#"

func documentation(code oauth.Code) string { return errorsPage + string(code) }

// StatusError refuses a request with another status than that of the code, such as a
// 403 that is not about scope.
type StatusError struct {
	Status int
	// RetryAfter is the time until the client may try again, which it learns in whole
	// seconds. Zero sends no Retry-After.
	RetryAfter time.Duration
	Err        *oauth.Error
}

func (e *StatusError) Error() string { return e.Err.Error() }

func (e *StatusError) Unwrap() error { return e.Err }

// Forbid refuses a request from an origin that may not send it.
func Forbid(detail string) *StatusError {
	return &StatusError{Status: http.StatusForbidden, Err: oauth.Refuse(oauth.InvalidRequest, detail)}
}

// Refusal is an error as the client sees it.
type Refusal struct {
	Status int
	Code   oauth.Code
	Detail string
	// RetryAfter is as in StatusError.
	RetryAfter time.Duration
}

// A Page is a handler that answers users. It shows a refusal as a page, or returns
// false to have it answered as JSON.
type Page interface {
	Refuse(w http.ResponseWriter, r *http.Request, refused Refusal) bool
}

// problem is a problem document (RFC 9457 §3) with our stable code.
type problem struct {
	Type   string     `json:"type"`
	Title  string     `json:"title"`
	Status int        `json:"status"`
	Detail string     `json:"detail,omitempty"`
	Code   oauth.Code `json:"code"`
}

// A headerError is an error that tells the client more than a code, such as how to
// authenticate, or a nonce for the next request.
type headerError interface {
	error
	SetHeaders(h http.Header)
}

// refusalOf is the only place where an error becomes a status.
//
// The status is 503 temporarily_unavailable, and never server_error, for a failed
// dependency, a throttling store or a passed deadline: clients keep their tokens after
// the one and throw them away after the other.
func refusalOf(err error) Refusal {
	if special, ok := errors.AsType[*StatusError](err); ok {
		return Refusal{special.Status, special.Err.Code, ascii(special.Err.Detail), special.RetryAfter}
	}
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return Refusal{Status: statusOf(refused.Code), Code: refused.Code, Detail: ascii(refused.Detail)}
	}
	if limit, ok := errors.AsType[limitError](err); ok {
		return Refusal{
			Status: http.StatusTooManyRequests, Code: oauth.TemporarilyUnavailable,
			Detail: "too many attempts: wait as long as Retry-After says", RetryAfter: limit.Wait(),
		}
	}
	if _, ok := errors.AsType[*methodError](err); ok {
		return Refusal{Status: http.StatusMethodNotAllowed, Code: oauth.InvalidRequest, Detail: "this method is not allowed here"}
	}
	if _, ok := errors.AsType[*panicError](err); ok {
		return Refusal{Status: http.StatusInternalServerError, Code: oauth.ServerError, Detail: "the request failed; its id is in X-Request-Id"}
	}
	return Refusal{
		Status: http.StatusServiceUnavailable, Code: oauth.TemporarilyUnavailable,
		Detail: "try again in a moment", RetryAfter: time.Second,
	}
}

func statusOf(code oauth.Code) int {
	switch code {
	case oauth.InvalidClient, oauth.InvalidToken, oauth.InsufficientAuthentication:
		return http.StatusUnauthorized
	case oauth.InsufficientScope:
		return http.StatusForbidden
	case oauth.NotFound:
		return http.StatusNotFound
	case oauth.TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	case oauth.ServerError:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// headers adds the headers of the status. A client that did not authenticate by header
// gets no challenge: strict clients hide the body behind a challenge (RFC 6749 §5.2
// requires one only in answer to the header).
func (f Refusal) headers(h http.Header, r *http.Request, rt *Route) {
	switch f.Code {
	case oauth.InvalidClient:
		if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); scheme != "" {
			h.Set("WWW-Authenticate", `Basic realm="`+rt.Issuer+`", charset="UTF-8"`)
		}
	case oauth.InvalidToken, oauth.InsufficientScope, oauth.InsufficientAuthentication:
		h.Set("WWW-Authenticate", f.bearer(r, rt))
	}
	if f.RetryAfter > 0 {
		retryAfter(h, f.RetryAfter)
	}
}

// bearer returns the challenge of RFC 6750 §3, without an error if the request carried
// no credentials at all. It names the metadata of our API (RFC 9728 §5.1), which every
// route but userinfo belongs to.
func (f Refusal) bearer(r *http.Request, rt *Route) string {
	challenge := `Bearer realm="` + rt.Issuer + `"`
	if f.Code != oauth.InvalidToken || r.Header.Get("Authorization") != "" {
		challenge += `, error="` + string(f.Code) + `"`
		if f.Detail != "" {
			challenge += `, error_description="` + f.Detail + `"`
		}
	}
	if f.Code == oauth.InsufficientAuthentication {
		challenge += `, max_age=` + strconv.Itoa(int(FreshAuthentication/time.Second))
	}
	if rt.Function.Name != contract.UserInfo.Name {
		challenge += `, resource_metadata="` + rt.Issuer + contract.ResourceMetadataPath + `"`
	}
	return challenge
}

// FreshAuthentication is how long ago a user may have authenticated for an action that
// is otherwise refused with [oauth.InsufficientAuthentication].
const FreshAuthentication = 10 * time.Minute

// ascii keeps the characters that RFC 6749 §5.2 allows in error_description.
func ascii(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, s)
}

// Answer writes v as JSON with the given status.
func Answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always marshal
	}
	contentType := "application/json"
	if _, ok := v.(problem); ok {
		contentType = "application/problem+json"
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the buffer of the response; a lost client shows nowhere else
}
