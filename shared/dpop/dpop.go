// Package dpop judges proofs of possession (RFC 9449).
//
// A bearer token works for every party that holds it. A token that is bound to a key
// works only together with a proof: a JWT that the holder of the private key makes for
// this one request. It states when and for which method and URL it was made, and for
// which access token. The public key is in the proof itself, so it need not be
// registered beforehand. Its thumbprint counts, which is written into the tokens.
//
// At a token endpoint a proof names the key that the new tokens are to be bound to,
// see [Verifier.Optional]. At a resource it shows that the sender of a token holds its
// key, see [Verifier.Present]. Either way a proof works once, for a minute, and for
// this URL only.
package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/replay"
)

// Header carries a proof.
const Header = "DPoP"

const (
	// Skew is how old a proof may be, and how far ahead of our clock.
	Skew = time.Minute
	// memory is how much longer a proof is remembered than it could be accepted, in
	// case two of our clocks differ.
	memory = time.Minute
)

// Verifier judges the proofs of requests to one issuer.
type Verifier struct {
	Issuer string
	Replay *replay.Store
	// Nonces returns the MAC key of an id, the active one for "", or
	// keys.ErrUnknown. It may be nil where no client is asked for a nonce.
	Nonces func(ctx context.Context, id string) (*keys.MACKey, error)
	Now    func(context.Context) time.Time
}

// Expect is what a proof must show besides its own request.
type Expect struct {
	// Token is the access token that comes with the request, empty at a token
	// endpoint.
	Token string
	// JKT is the thumbprint of the key that the proof must be made with, empty
	// for any key.
	JKT string
	// Nonce requires one of our nonces (RFC 9449 §8).
	Nonce bool
}

// Optional returns the thumbprint of the key that c, the client of a request to a
// token endpoint, proves. It is empty if the client sends no proof and may do without.
// The error is invalid_dpop_proof, or use_dpop_nonce together with a nonce.
//
// Optional uses up the proof. A caller calls it once for a request, after it knows the
// client and before it changes anything.
func (v *Verifier) Optional(r *http.Request, c *client.Client) (jkt string, err error) {
	if len(r.Header.Values(Header)) == 0 {
		if c.RequireDPoP {
			return "", refused("the client must prove a key: the header DPoP is missing", nil)
		}
		return "", nil
	}
	proof, err := v.Check(r, Expect{Nonce: c.DPoPNonce})
	if err != nil {
		return "", err
	}
	return proof.JKT, nil
}

// Present returns nil if the request, which presents accessToken, proves the key with
// the thumbprint jkt. The error is invalid_dpop_proof, or invalid_token for a good
// proof of another key, or for a jkt that is no thumbprint.
func (v *Verifier) Present(r *http.Request, accessToken, jkt string) error {
	if jkt == "" {
		return oauth.Refuse(oauth.InvalidToken, "the access token is bound to something that nobody can prove")
	}
	_, err := v.Check(r, Expect{Token: accessToken, JKT: jkt})
	return err
}

// Check returns the proof of a request if there is exactly one and it meets the
// expectation, and uses it up. A proof that Check refuses stays unused, unless it was
// refused because it was used before.
func (v *Verifier) Check(r *http.Request, want Expect) (*Proof, error) {
	// The gateway joins headers of one name with a comma, which no proof has.
	sent := r.Header.Values(Header)
	if len(sent) != 1 {
		return nil, refused("the request must have one DPoP header", nil)
	}
	p, err := Read(sent[0])
	if err != nil {
		return nil, refused("the proof is not a signed JWT as RFC 9449 section 4.2 describes", err)
	}
	if err := v.judge(p, r, want); err != nil {
		return nil, err
	}
	if want.Nonce {
		if err := v.checkNonce(r.Context(), p.Nonce); err != nil {
			return nil, err
		}
	}
	// A thumbprint has a fixed length, so no two pairs make the same text.
	err = v.Replay.Once(r.Context(), replay.Proof, p.JKT+p.ID, p.Issued.Add(Skew+memory))
	if errors.Is(err, replay.ErrSeen) {
		return nil, refused("the proof was used before", err)
	}
	if err != nil {
		return nil, fmt.Errorf("check a proof: %w", err)
	}
	return p, nil
}

// judge compares a proof with its request.
func (v *Verifier) judge(p *Proof, r *http.Request, want Expect) error {
	switch age := v.Now(r.Context()).Sub(p.Issued); {
	case p.Method != r.Method:
		return refused("htm is not the method of the request", nil)
	case !v.here(p.URL, r.URL):
		return refused("htu is not the URL of the request", nil)
	case age > Skew || age < -Skew:
		return refused("iat is more than a minute away from the time of this server", nil)
	case !p.Expires.IsZero() && !p.Expires.After(v.Now(r.Context())):
		return refused("the proof has expired", nil)
	case want.Token != "" && p.TokenHash != hash(want.Token):
		return refused("ath is not the hash of the access token", nil)
	case want.JKT != "" && p.JKT != want.JKT:
		return oauth.Refuse(oauth.InvalidToken, "the access token is bound to another key than that of the proof")
	}
	return nil
}

// here reports whether htu names the URL of the request. The scheme and host of the
// request do not count: a proxy or the sender chose them. Query and fragment do not
// count either (RFC 9449 §4.3).
func (v *Verifier) here(htu string, requested *url.URL) bool {
	named, err := url.Parse(htu)
	if err != nil || named.User != nil || named.Opaque != "" || named.Host == "" {
		return false
	}
	issuer, err := url.Parse(v.Issuer)
	if err != nil {
		return false
	}
	return origin(named) == origin(issuer) && path(named) == path(requested)
}

func origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}

func path(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

// hash returns the ath of an access token (RFC 9449 §4.2).
func hash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func refused(detail string, why error) error {
	return &oauth.Error{Code: oauth.InvalidDPoPProof, Detail: detail, Err: why}
}
