// Package relying is the relying party of Tipstaff: it signs users in with an account at an
// upstream issuer.
//
// # Protocol
//
// [Party.Leave] redirects the browser to the upstream with a state, a nonce and a PKCE
// challenge. [Party.Arrive] verifies the answer. The answer must match all three, be issued
// for us, and come from the upstream that the browser was sent to. The state is stored in a
// [Journey].
//
// The protocol is OpenID Connect, with discovery and an id token, where the upstream has it.
// GitHub has OAuth 2.0 and an API instead.
//
// # Result
//
// The result is an [Identity]: an issuer, a subject there, and the issuer's current
// description of the account. No other statement of an upstream is trusted.
package relying

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Party is our side at upstreams. It is safe for concurrent use and must not be copied. A
// slow or endless answer of an upstream delays a request by at most [Patience]. No error
// quotes an answer.
type Party struct {
	// Issuer is our own origin. The callback is below it.
	Issuer string
	// Secret returns our client secret at an upstream. It is empty where we are a
	// public client.
	Secret func(ctx context.Context, id string) (string, error)
	Now    func(context.Context) time.Time
	// Transport makes the requests. Nil means the network.
	Transport http.RoundTripper
	// Timeout bounds each request. Zero means [DefaultTimeout].
	Timeout time.Duration

	mu    sync.Mutex
	known map[string]*provider // by issuer; as many as the registry has
}

// Patience bounds the total time of the requests in [Party.Arrive].
const Patience = 12 * time.Second

// Error is returned when an upstream did not identify the user. It quotes only an error code
// of the upstream.
type Error struct {
	Reason string
	// Code is the error code of the upstream (RFC 6749 §4.1.2.1), if it sent a well-formed
	// one.
	Code string
	// Temporary reports that another try may succeed: the upstream cannot be reached, or
	// reports its own failure.
	Temporary bool
	// Err is the cause, for the log: a network failure, or nil.
	Err error
}

func (e *Error) Error() string {
	text := "upstream: " + e.Reason
	if e.Code != "" {
		text += ": " + e.Code
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Denied reports whether the user or the upstream denied the request.
func (e *Error) Denied() bool { return e.Code == "access_denied" }

func distrust(reason string) *Error { return &Error{Reason: reason} }

// Callback returns the redirect URI for an upstream.
func (party *Party) Callback(u *upstream.Upstream) string {
	return party.Issuer + strings.Replace(contract.Upstream.Paths[1], "{id}", u.ID, 1)
}

// Leave returns the authorization URL for a journey with this state. The error is an
// [*Error].
func (party *Party) Leave(ctx context.Context, u *upstream.Upstream, state string, j *Journey) (string, error) {
	config, _, err := party.config(ctx, u)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(j.Verifier)}
	if u.Type != upstream.TypeGitHub {
		options = append(options, oauth2.SetAuthURLParam("nonce", j.Nonce))
	}
	switch {
	case u.Type == upstream.TypeOIDC && j.Again:
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	case u.Type != upstream.TypeOIDC && (j.Again || j.Login != ""):
		// The other types have no stronger way to require an action of the user.
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	return config.AuthCodeURL(state, options...), nil
}

// config returns our OAuth configuration at an upstream, without the secret, and its
// provider.
func (party *Party) config(ctx context.Context, u *upstream.Upstream) (*oauth2.Config, *provider, error) {
	p := &provider{endpoint: gitHubEndpoint(u)}
	if u.Type != upstream.TypeGitHub {
		var err error
		if p, err = party.provider(ctx, u.Issuer); err != nil {
			return nil, nil, err
		}
	}
	return &oauth2.Config{
		ClientID: u.ClientID, Endpoint: p.endpoint, RedirectURL: party.Callback(u), Scopes: u.Scopes,
	}, p, nil
}

// Answer is the authorization response of an upstream (RFC 6749 §4.1.2). It comes through the
// browser, so all of it is untrusted.
type Answer struct{ Code, Error, Issuer string }

// ReadAnswer reads an answer from the parameters of a callback.
func ReadAnswer(q url.Values) Answer {
	return Answer{Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss")}
}

// maxCode is the length of the longest code that we accept.
const maxCode = 4 << 10

// Arrive verifies the answer of a journey and returns the user's identity. The caller has
// ended the journey with [Journeys.End]. The error is an [*Error], or that of reading our
// own secret.
func (party *Party) Arrive(ctx context.Context, u *upstream.Upstream, j *Journey, a Answer) (*Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if u.ID != j.Upstream || u.Issuer != j.Issuer || u.ClientID != j.ClientID {
		return nil, distrust("the upstream has changed since the journey began")
	}
	// Check this before any request, because the code may belong to another issuer (RFC
	// 9207 §2.4).
	if a.Issuer != "" && a.Issuer != answersAs(u) {
		return nil, distrust("the answer is another issuer's")
	}
	config, p, err := party.config(ctx, u)
	if err != nil {
		return nil, err
	}
	if p.answersWithIssuer && a.Issuer == "" {
		return nil, distrust("the answer lacks the issuer that the upstream promised")
	}
	if a.Error != "" {
		return nil, refused(a.Error)
	}
	if a.Code == "" || len(a.Code) > maxCode {
		return nil, distrust("the answer has no code")
	}
	token, err := party.exchange(ctx, config, u, j, a.Code)
	if err != nil {
		return nil, err
	}
	if u.Type == upstream.TypeGitHub {
		return party.gitHubUser(ctx, u, token)
	}
	return party.verified(ctx, u, p, j, token)
}

// answersAs returns the issuer in the answers of an upstream. That of GitHub is not the
// address of its server.
func answersAs(u *upstream.Upstream) string {
	if u.Type == upstream.TypeGitHub {
		return u.Issuer + gitHubOAuth
	}
	return u.Issuer
}

// refused returns the error for an error response.
func refused(code string) *Error {
	e := &Error{Reason: "the upstream answers with an error", Code: plainCode(code)}
	e.Temporary = e.Code == "temporarily_unavailable" || e.Code == "server_error"
	return e
}

// plainCode returns an error code if it is well-formed.
func plainCode(code string) string {
	const longest = 64
	if len(code) > longest || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return code
}

// exchange redeems a code. It sends the code once, because a sent code may be used even when
// the answer is lost.
func (party *Party) exchange(ctx context.Context, config *oauth2.Config, u *upstream.Upstream, j *Journey, code string) (*oauth2.Token, error) {
	secret, err := party.Secret(ctx, u.ID)
	if err != nil {
		return nil, fmt.Errorf("our secret at upstream %s: %w", u.ID, err)
	}
	config.ClientSecret = secret
	if secret == "" {
		config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	token, err := config.Exchange(party.context(ctx), code, oauth2.VerifierOption(j.Verifier))
	if err == nil {
		return token, nil
	}
	if answer, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		status := answer.Response.StatusCode
		return nil, &Error{
			Reason: fmt.Sprintf("the token endpoint answers %d", status), Code: plainCode(answer.ErrorCode), Temporary: overloaded(status),
		}
	}
	if failure := unreachable(err); failure != nil {
		return nil, failure
	}
	return nil, distrust("the token endpoint answers with something else than a token")
}

// context carries our HTTP client to the libraries.
func (party *Party) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, party.http())
}

func (party *Party) http() *http.Client {
	return &http.Client{
		Transport: &bounded{next: cmp.Or[http.RoundTripper](party.Transport, network)}, Timeout: cmp.Or(party.Timeout, DefaultTimeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
