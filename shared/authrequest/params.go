package authrequest

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The known parameters. Any other one is ignored (RFC 6749 §3.1).
const (
	ParamClientID    = "client_id"
	ParamRequestURI  = "request_uri" // RFC 9126 §4
	ParamRequest     = "request"     // OIDC Core §6.1, which we do not take
	ParamDPoPKey     = "dpop_jkt"    // RFC 9449 §10
	paramRedirectURI = "redirect_uri"
	paramType        = "response_type"
	paramMode        = "response_mode"
	paramScope       = "scope"
	paramState       = "state"
	paramResource    = "resource" // RFC 8707 §2
	paramNonce       = "nonce"
	paramPrompt      = "prompt"
	paramMaxAge      = "max_age"
	paramACR         = "acr_values" // OIDC Core §3.1.2.1, RFC 9470 §4
	paramHint        = "login_hint"
	paramChallenge   = "code_challenge"
	paramMethod      = "code_challenge_method"
)

var known = []string{
	ParamClientID, ParamRequestURI, ParamRequest, ParamDPoPKey, paramRedirectURI, paramType, paramMode, paramScope, paramState,
	paramResource, paramNonce, paramPrompt, paramMaxAge, paramACR, paramHint, paramChallenge, paramMethod,
}

const (
	// maxParameters bounds the parameters of one request.
	maxParameters = 100
	// maxResources bounds the values of the only parameter that may be repeated.
	maxResources = 10
)

// Params are the parameters of a request. None of them is empty.
type Params struct {
	url.Values
	// repeated are the parameters that were repeated and must not be.
	repeated []string
}

// ErrQuery is returned when a query cannot be parsed.
var ErrQuery = errors.New("the query is not a valid form")

// Parse parses the query of an authorization request, or a form in its place. An empty
// value is an absent parameter. A repeated parameter has no value. It is recorded, and
// refused when the recipient of the error is known.
func Parse(query string) (Params, error) {
	values, err := url.ParseQuery(query)
	if err != nil || len(values) > maxParameters {
		return Params{}, ErrQuery
	}
	return Check(values), nil
}

// Check makes Params of parsed values.
func Check(values url.Values) Params {
	p := Params{Values: url.Values{}}
	for name, sent := range values {
		filled := slices.DeleteFunc(slices.Clone(sent), func(v string) bool { return v == "" })
		switch {
		case name == paramResource && len(sent) <= maxResources, len(sent) == 1:
			if len(filled) > 0 {
				p.Values[name] = filled
			}
		default:
			p.repeated = append(p.repeated, name)
		}
	}
	return p
}

// Take removes a parameter and returns its value.
func (p Params) Take(name string) string {
	value := p.Get(name)
	p.Del(name)
	return value
}

// Known returns the known parameters in canonical form: two requests with the same meaning
// have the same form.
func (p Params) Known() url.Values {
	out := url.Values{}
	for _, name := range known {
		if values, ok := p.Values[name]; ok {
			out[name] = values
		}
	}
	return out
}

// plain reports whether a value is text without control characters. Control characters do
// not survive the way through a page.
func plain(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f })
}
