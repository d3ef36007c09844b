// Package authrequest validates authorization requests (RFC 6749 §4.1.1, OpenID Connect
// Core §3.1.2.1). The rules are the same for a request of a browser to /authorize and for
// one that a client pushes to /par.
//
// # Two steps
//
// The steps differ in where an error goes. [Address] finds the redirect URI. Any party to
// an error before that could be the attacker, so nothing is redirected: the user sees a
// page. [Request.Judge] checks everything else. The client receives its errors at the
// redirect URI.
package authrequest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Mode is the response mode: how an answer reaches the client.
type Mode string

// The response modes (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode).
const (
	Query    Mode = "query"
	FormPost Mode = "form_post"
)

// Request is an authorization request.
type Request struct {
	Client *client.Client
	// RedirectURI is the requested one, and Registered the registered one that it
	// matches.
	RedirectURI, Registered string
	// State is returned unchanged, empty when there is none.
	State string
	Mode  Mode
	// Pushed reports that the client pushed the request (RFC 9126).
	Pushed bool

	// Judge sets the fields below.

	Challenge session.Digest
	Granted   audience.Granted
	Nonce     string
	// JKT is the thumbprint of the key for the code, empty for any key.
	JKT       string
	LoginHint string
	Prompt    Prompt
	// MaxAge is the allowed age of the user's authentication. Aged reports that the
	// request has such a limit.
	MaxAge time.Duration
	Aged   bool
	// ACR is the weakest authentication class that the client accepts, one of
	// oauth.ACRValues, empty for any.
	ACR string

	params Params
}

// Prompt is the prompt parameter: which pages the user must see, or that none may appear.
type Prompt struct{ None, Login, Consent, SelectAccount bool }

// Address returns the request of a client with its response address. It refuses a request
// that must not be answered there.
func Address(c *client.Client, p Params) (*Request, error) {
	for _, name := range []string{ParamClientID, paramRedirectURI, ParamRequestURI} {
		if slices.Contains(p.repeated, name) {
			return nil, oauth.Refuse(oauth.InvalidRequest, name+" comes more than once")
		}
	}
	if c.Disabled {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the client is disabled")
	}
	uri := p.Get(paramRedirectURI)
	if uri == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "redirect_uri is missing")
	}
	registered, ok := Match(c.RedirectURIs, uri)
	if !ok {
		return nil, oauth.Refuse(oauth.InvalidRequest, "redirect_uri is not registered for the client; it is compared byte by byte")
	}
	r := &Request{Client: c, RedirectURI: uri, Registered: registered, Mode: Query, params: p}
	if state := p.Get(paramState); plain(state) && len(state) <= maxState {
		r.State = state
	}
	if p.Get(paramMode) == string(FormPost) && r.web() {
		r.Mode = FormPost
	}
	return r, nil
}

// web reports whether the client has a URL that a form can be posted to, and is no app.
func (r *Request) web() bool { return client.RedirectOrigin(r.Registered) != "" }

// The length limits of values.
const (
	maxState = 2048
	maxNonce = 512
	maxHint  = 256
)

// Judge looks at all but the address, and fills in the request. An *oauth.Error is
// for the client; another one is that something could not be read.
func (r *Request) Judge(ctx context.Context, resolver *audience.Resolver) error {
	for _, check := range []func() error{r.wellFormed, r.mayAsk, r.response, r.proofKey, r.identity, r.attendance} {
		if err := check(); err != nil {
			return err
		}
	}
	var err error
	r.Granted, err = resolver.Grant(ctx, r.Client, r.params.Values[paramResource], r.params.Get(paramScope))
	return err
}

func invalid(detail string) error { return oauth.Refuse(oauth.InvalidRequest, detail) }

func (r *Request) wellFormed() error {
	if len(r.params.repeated) > 0 {
		return invalid("a parameter comes more than once")
	}
	for _, name := range known {
		for _, value := range r.params.Values[name] {
			if !plain(value) {
				return invalid(name + " has control characters in it, or is no UTF-8")
			}
		}
	}
	for name, longest := range map[string]int{paramState: maxState, paramNonce: maxNonce} {
		if len(r.params.Get(name)) > longest {
			return invalid(name + " is longer than " + strconv.Itoa(longest) + " bytes")
		}
	}
	return nil
}

// mayAsk checks whether the client may send this kind of request.
func (r *Request) mayAsk() error {
	switch {
	case !r.Client.MayUse(oauth.GrantAuthorizationCode):
		return oauth.Refuse(oauth.UnauthorizedClient, "the client may not use the grant authorization_code")
	case r.params.Get(ParamRequest) != "":
		return oauth.Refuse(oauth.RequestNotSupported, "request objects are not supported: push the request to /par")
	case r.Client.RequirePAR && !r.Pushed:
		return invalid("the client must push its requests to /par")
	}
	return nil
}

func (r *Request) response() error {
	switch r.params.Get(paramType) {
	case "code":
	case "":
		return invalid("response_type is missing")
	default:
		return oauth.Refuse(oauth.UnsupportedResponseType, "response_type must be code")
	}
	switch r.params.Get(paramMode) {
	case "", string(Query):
	case string(FormPost):
		if !r.web() {
			return invalid("response_mode form_post needs a redirect_uri of the web")
		}
	default:
		return invalid("response_mode must be query or form_post")
	}
	return nil
}

// proofKey requires PKCE (RFC 7636) of every client. It costs nothing, and a stolen code
// is then useless (RFC 9700 §2.1.1).
func (r *Request) proofKey() error {
	if r.params.Get(paramChallenge) == "" {
		return invalid("code_challenge is missing: every client must use PKCE")
	}
	if r.params.Get(paramMethod) != "S256" {
		return invalid("code_challenge_method must be S256")
	}
	var ok bool
	if r.Challenge, ok = session.ParseChallenge(r.params.Get(paramChallenge)); !ok {
		return invalid("code_challenge is not a SHA-256 in base64url")
	}
	if r.JKT = r.params.Get(ParamDPoPKey); r.JKT != "" {
		if _, ok := session.ParseChallenge(r.JKT); !ok { // the same form, RFC 7638 §3
			return invalid("dpop_jkt is not a SHA-256 thumbprint in base64url")
		}
	}
	return nil
}

func (r *Request) identity() error {
	r.Nonce = r.params.Get(paramNonce)
	if hint := r.params.Get(paramHint); len(hint) <= maxHint {
		r.LoginHint = hint
	}
	return nil
}

// attendance reads the parameters about the user's presence and authentication.
func (r *Request) attendance() error {
	for _, p := range strings.Fields(r.params.Get(paramPrompt)) {
		switch p {
		case "none":
			r.Prompt.None = true
		case "login":
			r.Prompt.Login = true
		case "consent":
			r.Prompt.Consent = true
		case "select_account":
			r.Prompt.SelectAccount = true
		default:
			return invalid("prompt has a value that is not supported")
		}
	}
	if r.Prompt.None && r.Prompt != (Prompt{None: true}) {
		return invalid("prompt none allows no other value")
	}
	r.ACR = weakest(strings.Fields(r.params.Get(paramACR)))
	age := r.params.Get(paramMaxAge)
	if age == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(age, 10, 31)
	if err != nil {
		return invalid("max_age is not a number of seconds")
	}
	r.MaxAge, r.Aged = time.Duration(seconds)*time.Second, true
	return nil
}

// weakest returns the weakest known class among the acr_values, empty if there are none.
// An unknown value is only a preference (OIDC Core §3.1.2.1): the tokens state the actual
// class. A known value is a requirement: a client that requests a stronger authentication
// as in RFC 9470 §4 must not get a weaker one. A stronger class always satisfies it.
func weakest(wanted []string) string {
	for _, class := range oauth.ACRValues {
		if slices.Contains(wanted, class) {
			return class
		}
	}
	return ""
}
