package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// errorsPage documents every code; the fragment is the code.
const errorsPage = "https://github.com/tipstaff/tipstaff/blob/main/docs/errors.md#"

func documentation(code oauth.Code) string { return errorsPage + string(code) }

// refusal is an error as the client sees it.
type refusal struct {
	status int
	code   oauth.Code
	detail string
}

// problem is a problem document (RFC 9457 §3) with our stable code.
type problem struct {
	Type   string     `json:"type"`
	Title  string     `json:"title"`
	Status int        `json:"status"`
	Detail string     `json:"detail,omitempty"`
	Code   oauth.Code `json:"code"`
}

// refusalOf is the only place where an error becomes a status.
//
// A dependency that failed, a store that throttles or a deadline that passed
// is 503 temporarily_unavailable, never server_error: clients keep their
// tokens on the one and throw them away on the other.
func refusalOf(err error) refusal {
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return refusal{status: statusOf(refused.Code), code: refused.Code, detail: ascii(refused.Detail)}
	}
	if _, ok := errors.AsType[*methodError](err); ok {
		return refusal{http.StatusMethodNotAllowed, oauth.InvalidRequest, "this method is not allowed here"}
	}
	if _, ok := errors.AsType[*panicError](err); ok {
		return refusal{http.StatusInternalServerError, oauth.ServerError, "the request failed; its id is in X-Request-Id"}
	}
	return refusal{http.StatusServiceUnavailable, oauth.TemporarilyUnavailable, "try again in a moment"}
}

func statusOf(code oauth.Code) int {
	switch code {
	case oauth.InvalidClient, oauth.InvalidToken:
		return http.StatusUnauthorized
	case oauth.InsufficientScope:
		return http.StatusForbidden
	case oauth.TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	case oauth.ServerError:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// headers adds what the status asks for. A client that did not authenticate by
// header is not challenged: strict clients hide the body behind a challenge
// (RFC 6749 §5.2 requires one only in answer to the header).
func (f refusal) headers(h http.Header, r *http.Request, rt *Route) {
	switch f.code {
	case oauth.InvalidClient:
		if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); scheme != "" {
			h.Set("WWW-Authenticate", `Basic realm="`+rt.Issuer+`", charset="UTF-8"`)
		}
	case oauth.InvalidToken, oauth.InsufficientScope:
		h.Set("WWW-Authenticate", f.bearer(r, rt))
	}
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
}

// bearer is the challenge of RFC 6750 §3: without an error when the request
// carried no credentials at all.
func (f refusal) bearer(r *http.Request, rt *Route) string {
	challenge := `Bearer realm="` + rt.Issuer + `"`
	if r.Header.Get("Authorization") == "" {
		return challenge
	}
	challenge += `, error="` + string(f.code) + `"`
	if f.detail != "" {
		challenge += `, error_description="` + f.detail + `"`
	}
	return challenge
}

// ascii keeps what RFC 6749 §5.2 allows in error_description.
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
