// Package relying is what we are at an upstream: a relying party, as OpenID Connect
// calls it. It sends people there, and finds out who comes back.
//
// It believes nobody. A person goes to an upstream with a state, a nonce and a
// challenge of ours, and what comes back has to fit all three and be for us, from
// whom we sent them to. That is OpenID Connect where there is some, with discovery
// and an id token, and at GitHub OAuth 2.0 with an API behind it. Either way what is
// found out is an Identity: an issuer, a subject there, and what the issuer says of
// them today.
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

// Party is what we are at upstreams. It is safe for concurrent use and must not be
// copied. No answer of an upstream, however long or late, keeps a request longer
// than Patience, and none is quoted in an error.
type Party struct {
	// Issuer is our own origin, where people come back to.
	Issuer string
	// Secret returns our client secret at an upstream, empty where we have none
	// and are a public client.
	Secret func(ctx context.Context, id string) (string, error)
	Now    func(context.Context) time.Time
	// Transport makes the requests; nil uses the network.
	Transport http.RoundTripper
	// Timeout bounds each request; zero means DefaultTimeout.
	Timeout time.Duration

	mu    sync.Mutex
	known map[string]*provider // by issuer; as many as the registry has
}

// Patience bounds all that Arrive asks of an upstream together.
const Patience = 12 * time.Second

// Error says why an upstream did not tell who somebody is. It quotes nothing that
// the upstream said but an error code.
type Error struct {
	Reason string
	// Code is the error code of the upstream (RFC 6749 §4.1.2.1), if it gave one
	// that looks like one.
	Code string
	// Temporary says that another try may go better: the upstream cannot be
	// reached, or says that it has a problem.
	Temporary bool
	// Err is the cause, for the log: a failure of the network, or nil.
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

// Denied reports whether the person, or the upstream on their behalf, said no.
func (e *Error) Denied() bool { return e.Code == "access_denied" }

func distrust(reason string) *Error { return &Error{Reason: reason} }

// Callback is where an upstream sends people back to.
func (party *Party) Callback(u *upstream.Upstream) string {
	return party.Issuer + strings.Replace(contract.Upstream.Paths[1], "{id}", u.ID, 1)
}

// Leave returns where the browser goes to begin a journey that has this state. The
// error is an *Error.
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
		// The others cannot be asked for more than that a person does something.
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	return config.AuthCodeURL(state, options...), nil
}

// config is what we are at an upstream, without our secret, and where it tells who
// an account is.
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

// Answer is what an upstream says by way of the browser (RFC 6749 §4.1.2). All of
// it may be anything that a stranger wrote.
type Answer struct{ Code, Error, Issuer string }

// ReadAnswer takes an answer out of the parameters of a callback.
func ReadAnswer(q url.Values) Answer {
	return Answer{Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss")}
}

// maxCode is the length of the longest code that we pass on.
const maxCode = 4 << 10

// Arrive finds out who comes back from a journey with an answer. The journey has
// been taken with Journeys.End. The error is an *Error, or that our own secret
// cannot be read.
func (party *Party) Arrive(ctx context.Context, u *upstream.Upstream, j *Journey, a Answer) (*Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if u.ID != j.Upstream || u.Issuer != j.Issuer || u.ClientID != j.ClientID {
		return nil, distrust("the upstream is not what it was when the person set out")
	}
	// Before anything is sent to anybody: the code may be another issuer's (RFC
	// 9207 §2.4).
	if a.Issuer != "" && a.Issuer != answersAs(u) {
		return nil, distrust("the answer is another issuer's")
	}
	config, p, err := party.config(ctx, u)
	if err != nil {
		return nil, err
	}
	if p.answersWithIssuer && a.Issuer == "" {
		return nil, distrust("the answer does not say whose it is, as the upstream promised")
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

// answersAs is the issuer that the upstream calls itself in its answers. GitHub's
// is not the address of its server.
func answersAs(u *upstream.Upstream) string {
	if u.Type == upstream.TypeGitHub {
		return u.Issuer + gitHubOAuth
	}
	return u.Issuer
}

// refused is the error for an error answer.
func refused(code string) *Error {
	e := &Error{Reason: "the upstream answers with an error", Code: plainCode(code)}
	e.Temporary = e.Code == "temporarily_unavailable" || e.Code == "server_error"
	return e
}

// plainCode is an error code if it looks like one.
func plainCode(code string) string {
	const longest = 64
	if len(code) > longest || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return code
}

// exchange redeems a code. It is sent once: a code that was sent is used, whatever
// came of it.
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
