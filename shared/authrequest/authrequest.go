// Package authrequest judges authorization requests (RFC 6749 §4.1.1, OpenID
// Connect Core §3.1.2.1), the same for a request that a browser brings to
// /authorize and for one that a client pushes to /par.
//
// It does so in two steps, because of who is told what is wrong. Address finds out
// where answers go. Whoever has a part in what is wrong up to then could be the
// attacker, so nothing may be sent anywhere: a person sees a page. Judge looks at
// everything else, and what it refuses the client is told at that address.
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

// Mode is how an answer reaches the client.
type Mode string

// The modes (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode).
const (
	Query    Mode = "query"
	FormPost Mode = "form_post"
)

// Request is an authorization request.
type Request struct {
	Client *client.Client
	// RedirectURI is as the request has it, and Registered the one of the
	// client that it is.
	RedirectURI, Registered string
	// State goes back as it came, empty when none did.
	State string
	Mode  Mode
	// Pushed says that the client pushed the request itself.
	Pushed bool

	// What follows is there after Judge.

	Challenge session.Digest
	Granted   audience.Granted
	Nonce     string
	// JKT is the key that the code will be bound to, empty for any.
	JKT       string
	LoginHint string
	Prompt    Prompt
	// MaxAge is how long ago the person may have proved who they are, and
	// Aged says that there is such a limit.
	MaxAge time.Duration
	Aged   bool
	// ACR is the weakest class of sign-in that the client takes, one of
	// oauth.ACRValues, empty for any.
	ACR string

	params Params
}

// Prompt is what a person must be asked, or that nothing may be.
type Prompt struct{ None, Login, Consent, SelectAccount bool }

// Address returns the request of a client as far as it says where answers go. It
// refuses what must not be answered there.
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

// web reports whether the client is at an address that a form can be posted to,
// and no app.
func (r *Request) web() bool { return client.RedirectOrigin(r.Registered) != "" }

// The longest values.
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

// mayAsk judges whether the client may ask in this way at all.
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

// proofKey asks every client for RFC 7636: it costs nothing, and a code is then of
// no use to who steals it (RFC 9700 §2.1.1).
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

// attendance reads what the client wants of the person's presence.
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

// weakest is the weakest class that we know among those that a client takes, and
// empty if it names none. What we do not know is a wish (OIDC Core §3.1.2.1): the
// tokens say which class it was. What we know the client means: whoever asks for a
// stronger sign-in as RFC 9470 §4 says must not be sent back with a weaker one. A
// stronger one than it asked for always does.
func weakest(wanted []string) string {
	for _, class := range oauth.ACRValues {
		if slices.Contains(wanted, class) {
			return class
		}
	}
	return ""
}
