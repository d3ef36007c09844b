// Package par serves POST /par (RFC 9126): a client sends its authorization request
// ahead and gets a request_uri for it, with which the browser comes to /authorize.
//
// The client authenticates here, so no other party can ask in the name of a
// confidential client. The client also learns every error in the request at once,
// before a user has seen a page. All the same /authorize judges the request again when
// the browser arrives: what the request asks for may have been taken away in between.
package par

import (
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/authrequest"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// Handler stores authorization requests.
type Handler struct {
	Auth     *clientauth.Guard
	Audience *audience.Resolver
	Proofs   *dpop.Verifier
	Pushed   *par.Store
	// Throttle counts the requests of clients that do not authenticate.
	Throttle *throttle.Store
}

// admission names the requests that the throttle counts here.
const admission = "pushed requests"

// response is the answer of RFC 9126 §2.2.
type response struct {
	RequestURI string `json:"request_uri"`
	// ExpiresIn is in seconds.
	ExpiresIn int64 `json:"expires_in"`
}

// Serve stores a request that /authorize could answer.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := h.Auth.Identify(r)
	if err != nil {
		return err
	}
	if r.PostForm.Get(authrequest.ParamRequestURI) != "" {
		return oauth.Refuse(oauth.InvalidRequest, "request_uri cannot be pushed (RFC 9126 section 2.1)")
	}
	params := authrequest.Check(r.PostForm)
	params.Set(authrequest.ParamClientID, c.ID)
	request, err := authrequest.Address(c, params)
	if err != nil {
		return err
	}
	request.Pushed = true
	if err := request.Judge(ctx, h.Audience); err != nil {
		return err
	}
	key, err := h.key(r, c, request.JKT)
	if err != nil {
		return err
	}
	if key != "" {
		params.Set(authrequest.ParamDPoPKey, key)
	}
	if c.Public() {
		// Each request is an item in the table.
		if err := h.Throttle.Admit(ctx, admission, r.RemoteAddr); err != nil {
			return err
		}
	}
	uri, life, err := h.Pushed.Push(ctx, c.ID, params.Known())
	if err != nil {
		return err
	}
	httpapi.Answer(w, http.StatusCreated, response{RequestURI: uri, ExpiresIn: int64(life.Seconds())})
	return nil
}

// key returns the thumbprint of the key that the code will be bound to, empty for
// none. A client names the key or proves it already here. If it does both, they must
// be the same key (RFC 9449 §10.1). It need not do either yet, even where it must at
// the token endpoint.
func (h *Handler) key(r *http.Request, c *client.Client, named string) (string, error) {
	if len(r.Header.Values(dpop.Header)) == 0 {
		return named, nil
	}
	proved, err := h.Proofs.Optional(r, c)
	if err != nil {
		return "", err
	}
	if named != "" && named != proved {
		return "", oauth.Refuse(oauth.InvalidDPoPProof, "dpop_jkt is another key than the proof's")
	}
	return proved, nil
}
