// Package clientauth is the client authentication of every OAuth endpoint (RFC 6749
// §2.3). It finds the client of a request, and whether the client proved its identity.
package clientauth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/replay"
)

// Credentials are the client credentials of a request, in one method.
type Credentials struct {
	// ID may be absent beside an assertion, which names the client too.
	ID, Secret, Assertion string
	// Method is the name of RFC 7591 §2.
	Method string
}

// ActionRefuse is the audit action of a wrong secret, or a wrong or repeated
// assertion, for a client that exists.
const ActionRefuse audit.Action = "client.refuse"

// Guard authenticates clients by their credentials.
type Guard struct {
	// Issuer is the one audience of assertions.
	Issuer  string
	Clients *client.Store
	// Replay makes sure that an assertion works once.
	Replay *replay.Store
	// Refusals takes the record of wrong credentials.
	Refusals *audit.Refusals
}

// Identify returns the client of the request: one that authenticates as for
// [Guard.Authenticate], or a public client, which only names itself (RFC 6749 §3.2.1).
// A public client must prove its right to what it asks for by something else.
func (g *Guard) Identify(r *http.Request) (*client.Client, error) {
	given, err := Read(r)
	if err != nil {
		return nil, err
	}
	if given.Method != oauth.AuthNone {
		return g.authenticate(r.Context(), given)
	}
	c, err := g.Clients.Client(r.Context(), given.ID)
	if errors.Is(err, client.ErrUnknown) {
		return nil, refused(err)
	}
	if err != nil {
		return nil, err
	}
	if c.Disabled {
		return nil, refused(client.ErrDisabled)
	}
	return admit(r.Context(), c, given)
}

// Authenticate returns the client that the request authenticates. The error is
// invalid_client, with the same words for an unknown client, a wrong secret or
// assertion, a disabled client and a method that the client does not use. It is
// invalid_request for credentials sent in two ways.
func (g *Guard) Authenticate(r *http.Request) (*client.Client, error) {
	given, err := Read(r)
	if err != nil {
		return nil, err
	}
	if given.Method == oauth.AuthNone {
		return nil, refused(errors.New("no secret and no assertion"))
	}
	return g.authenticate(r.Context(), given)
}

func (g *Guard) authenticate(ctx context.Context, given Credentials) (*client.Client, error) {
	if given.Method == oauth.PrivateKeyJWT {
		return g.assert(ctx, given)
	}
	c, err := g.Clients.Authenticate(ctx, given.ID, given.Secret)
	if errors.Is(err, client.ErrUnknown) || errors.Is(err, client.ErrSecret) || errors.Is(err, client.ErrDisabled) {
		g.record(ctx, given, err)
		return nil, refused(err)
	}
	if err != nil {
		return nil, err
	}
	return admit(ctx, c, given)
}

// record leaves an entry of wrong credentials for a client that exists. For one that
// does not it takes the same time and leaves nothing. A secret that no client can have
// is refused without a read and without an entry.
func (g *Guard) record(ctx context.Context, given Credentials, why error) {
	if !client.ValidID(given.ID) || given.Assertion == "" && !client.Plausible(given.Secret) {
		return
	}
	var err error
	if errors.Is(why, client.ErrUnknown) {
		err = g.Refusals.Pretend(ctx, contract.ClientPrefix.Of(given.ID))
	} else {
		err = g.Refusals.Record(ctx, audit.Entry{
			Actor: given.ID, Action: ActionRefuse, Subject: given.ID, Object: contract.ClientPrefix.Of(given.ID),
			RequestID: httpapi.RequestID(ctx), Detail: map[string]string{"method": given.Method},
		})
	}
	if err != nil {
		httpapi.Note(ctx).AuditFailures++
	}
}

// admit refuses a client that authenticates by a method that it did not register.
func admit(ctx context.Context, c *client.Client, given Credentials) (*client.Client, error) {
	if !slices.Contains(c.AuthMethods, given.Method) {
		return nil, refused(errors.New("the client does not use " + given.Method))
	}
	httpapi.Note(ctx).Client = c.ID
	return c, nil
}

func refused(why error) error {
	return &oauth.Error{Code: oauth.InvalidClient, Detail: "client authentication failed", Err: why}
}

// Read returns the credentials of the request, from the Authorization header or the
// form, and never from the URL. It refuses a request that has them in two ways before
// it looks at any of them. Otherwise one part of the server could check the one and
// another part use the other.
func Read(r *http.Request) (Credentials, error) {
	authorization := r.Header.Get("Authorization")
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	kind, assertion := r.PostForm.Get("client_assertion_type"), r.PostForm.Get("client_assertion")
	ways := 0
	for _, there := range []bool{authorization != "", secret != "", kind != "" || assertion != ""} {
		if there {
			ways++
		}
	}
	switch {
	case ways > 1:
		return Credentials{}, oauth.Refuse(oauth.InvalidRequest, "the client authenticates in two ways at once")
	case authorization != "":
		return readBasic(authorization, id)
	case kind != "" || assertion != "":
		if kind != AssertionType || assertion == "" {
			return Credentials{}, refused(errors.New("client_assertion or the right client_assertion_type is missing"))
		}
		return Credentials{ID: id, Assertion: assertion, Method: oauth.PrivateKeyJWT}, nil
	case id == "":
		return Credentials{}, refused(errors.New("no credentials"))
	case secret == "":
		return Credentials{ID: id, Method: oauth.AuthNone}, nil
	}
	return Credentials{ID: id, Secret: secret, Method: oauth.ClientSecretPost}, nil
}

func readBasic(authorization, id string) (Credentials, error) {
	given, ok := ParseBasic(authorization)
	if !ok {
		return Credentials{}, refused(errors.New("the Authorization header holds no Basic credentials"))
	}
	if id != "" && id != given.ID {
		return Credentials{}, oauth.Refuse(oauth.InvalidRequest, "client_id differs from the Authorization header")
	}
	return given, nil
}

// ParseBasic reads Basic credentials (RFC 7617) with form-encoded parts, as RFC 6749
// §2.3.1 asks. Ids and the secrets that we make consist of characters that the
// encoding leaves alone, so clients that do not encode are understood too.
func ParseBasic(authorization string) (Credentials, bool) {
	scheme, encoded, ok := strings.Cut(authorization, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return Credentials{}, false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil {
		return Credentials{}, false
	}
	rawID, rawSecret, ok := strings.Cut(string(plain), ":")
	if !ok {
		return Credentials{}, false
	}
	id, err := url.QueryUnescape(rawID)
	if err != nil {
		return Credentials{}, false
	}
	secret, err := url.QueryUnescape(rawSecret)
	if err != nil {
		return Credentials{}, false
	}
	if id == "" || secret == "" {
		return Credentials{}, false
	}
	return Credentials{ID: id, Secret: secret, Method: oauth.ClientSecretBasic}, true
}
