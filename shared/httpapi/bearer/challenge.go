package bearer

import (
	"net/http"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// A challengeError is a refusal that tells the client how to authenticate: in which
// scheme, for which scope, and where the metadata of the resource is.
type challengeError struct {
	err    error
	header string
}

func (e *challengeError) Error() string { return e.err.Error() }

func (e *challengeError) Unwrap() error { return e.err }

// SetHeaders adds the challenge to the answer.
func (e *challengeError) SetHeaders(h http.Header) { h.Set("WWW-Authenticate", e.header) }

// challenge returns the challenge of RFC 6750 §3, or of RFC 9449 §7.1 for a client
// that uses that scheme, with the URL of RFC 9728 §5.1. It names no error to a client
// that sent no credentials at all. Every detail is a text of ours, never of the
// request.
func (g *Guard) challenge(r *http.Request, scope string, refused *oauth.Error) error {
	scheme, sent := oauth.TokenTypeBearer, r.Header.Get("Authorization") != ""
	if name, _, _ := credential(r); name != "" {
		scheme = name
	}
	var b strings.Builder
	b.WriteString(scheme + ` realm="` + g.Issuer + `"`)
	if sent {
		b.WriteString(`, error="` + string(refused.Code) + `", error_description="` + refused.Detail + `"`)
	}
	b.WriteString(`, scope="` + scope + `"`)
	if g.Audience == "" {
		b.WriteString(`, resource_metadata="` + g.Issuer + contract.ResourceMetadataPath + `"`)
	}
	if scheme == oauth.TokenTypeDPoP {
		b.WriteString(`, algs="` + strings.Join(dpop.Algorithms, " ") + `"`)
	}
	err := error(refused)
	if refused.Code == oauth.InvalidDPoPProof {
		// This is a 400 at a token endpoint, which challenges no client.
		err = &httpapi.StatusError{Status: http.StatusUnauthorized, Err: refused}
	}
	return &challengeError{err: err, header: b.String()}
}
