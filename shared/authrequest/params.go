package authrequest

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The parameters that mean something here. Every other one is ignored (RFC 6749
// §3.1).
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
	// maxResources bounds the one that may come several times.
	maxResources = 10
)

// Params are the parameters of a request, none of them empty.
type Params struct {
	url.Values
	// repeated are those that came more than once and must not.
	repeated []string
}

// ErrQuery says that a query cannot be read.
var ErrQuery = errors.New("the query is not a valid form")

// Parse reads the query of an authorization request, or a form in the place of
// one. An empty value is an absent parameter. What came twice is remembered, to
// be refused when it is known who is to be told; until then it has no value.
func Parse(query string) (Params, error) {
	values, err := url.ParseQuery(query)
	if err != nil || len(values) > maxParameters {
		return Params{}, ErrQuery
	}
	return Check(values), nil
}

// Check makes parameters of values.
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

// Known are the parameters that mean something, written anew: two requests for
// the same have the same.
func (p Params) Known() url.Values {
	out := url.Values{}
	for _, name := range known {
		if values, ok := p.Values[name]; ok {
			out[name] = values
		}
	}
	return out
}

// plain reports whether a value is text without control characters. Others do not
// survive the way through a page.
func plain(value string) bool {
	return utf8.ValidString(value) && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f })
}
