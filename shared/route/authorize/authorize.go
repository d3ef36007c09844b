// Package authorize serves /authorize, the authorization endpoint (RFC 6749 §4.1,
// OpenID Connect Core §3.1.2).
//
// # No stored state
//
// The server stores nothing of an authorization request while the user signs in and
// decides. The browser carries the request and the server validates all of it each
// time that the browser brings it, so that it cannot be changed on the way. Two facts
// are signed, because the browser is not trusted with them: that this consent
// question was shown to this user in this browser, and when the browser first brought
// the request.
//
// The server does not store the authorization code either. The code is sealed and
// carries its own content. It becomes a grant when the client redeems it.
//
// # Errors
//
// Until the client and its redirect URI are validated, an error is shown to the user
// as a page. After that the error goes to the client, by a redirect that carries iss
// (RFC 9207).
package authorize

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/authrequest"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler answers authorization requests.
type Handler struct {
	Issuer   string
	Clients  *client.Store
	Audience *audience.Resolver
	Pushed   *par.Store
	Browser  *userauth.Browser
	Codes    *session.Codes
	Consents *consent.Store
	Forms    *websec.Forms
	Now      func(context.Context) time.Time
}

// path is the path of this route.
var path = contract.Authorize.Path()

// maxQuery is the length in bytes of the longest request that a browser carries,
// without unknown parameters. The request must fit into a second URL, as the return
// address of /login.
const maxQuery = 4 << 10

// The fields of the consent form. A request of a client that has a parameter with the
// name of the first looks like a consent form, and is refused as one.
const (
	fieldDecision      = "decision"
	fieldAuthorization = "authorization"
	fieldCSRF          = "csrf"
)

// Serve answers an authorization request in the query or in a form, and the consent
// form.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return h.answer(w, r, r.URL.RawQuery, decision{})
	}
	if choice := r.PostForm.Get(fieldDecision); choice != "" {
		if err := websec.SameOrigin(r, h.Issuer); err != nil {
			return err
		}
		return h.answer(w, r, r.PostForm.Get(fieldAuthorization), decision{choice: choice, csrf: r.PostForm.Get(fieldCSRF)})
	}
	// When another site posts a request (OIDC Core §3.1.2.1) the browser does not
	// send our cookie with it. It does when it follows a redirect to us.
	query := authrequest.Check(r.PostForm).Known().Encode()
	if len(query) > maxQuery {
		return oauth.Refuse(oauth.InvalidRequest, tooLong)
	}
	web.Redirect(w, path+"?"+query)
	return nil
}

const tooLong = "the request is too long for a browser: push it to /par"

// decision is the user's answer to the consent question. It is zero before the
// question was asked.
type decision struct{ choice, csrf string }

func (d decision) made() bool { return d.choice != "" }

// answer answers a request. The caller shows an error that it returns to the user.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, query string, d decision) error {
	params, err := authrequest.Parse(query)
	if err != nil {
		return &oauth.Error{Code: oauth.InvalidRequest, Detail: err.Error()}
	}
	v := &visit{Handler: h, w: w, r: r, decision: d, since: params.Take(paramSince), query: params.Known().Encode()}
	if err := v.address(params); err != nil {
		return err
	}
	if len(v.query) > maxQuery {
		v.tell(oauth.Refuse(oauth.InvalidRequest, tooLong))
		return nil
	}
	code, err := v.decide()
	if err != nil {
		v.tell(err)
		return nil
	}
	if code != "" {
		v.reply("code", code)
	}
	return nil
}

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	reference := httpapi.RequestID(r.Context())
	if refused.Status == http.StatusBadRequest {
		web.Render(w, refused.Status, web.Unanswered(refused.Detail, reference))
		return true
	}
	web.Render(w, refused.Status, web.Refused(refused.Status, reference))
	return true
}

// address finds the client and its redirect URI.
func (v *visit) address(params authrequest.Params) error {
	ctx := v.r.Context()
	id := params.Get(authrequest.ParamClientID)
	if id == "" {
		return oauth.Refuse(oauth.InvalidRequest, "client_id is missing, or comes more than once")
	}
	c, err := v.Clients.Client(ctx, id)
	if described, ok := errors.AsType[*document.RefusedError](err); ok {
		return &oauth.Error{Code: oauth.InvalidRequest, Detail: "client_id: " + described.Error(), Err: err}
	}
	if errors.Is(err, client.ErrUnknown) {
		return &oauth.Error{
			Code: oauth.InvalidRequest, Err: err,
			Detail: "client_id is not known here: an application that registers itself has to do so again",
		}
	}
	if err != nil {
		return err
	}
	httpapi.Note(ctx).Client = c.ID
	// A request_uri replaces the parameters beside it (RFC 9101 §6.3). Only one
	// from /par is accepted, so that no request is fetched.
	if uri := params.Get(authrequest.ParamRequestURI); uri != "" {
		if params, err = v.open(c, uri); err != nil {
			return err
		}
	}
	if v.request, err = authrequest.Address(c, params); err != nil {
		return err
	}
	v.request.Pushed = v.pushed != ""
	return nil
}

// open returns the pushed parameters. They replace all parameters of the request
// (RFC 9126 §4).
func (v *visit) open(c *client.Client, uri string) (authrequest.Params, error) {
	arrived, err := v.arrived()
	if err != nil {
		return authrequest.Params{}, err
	}
	if arrived.IsZero() {
		arrived = v.Now(v.r.Context())
	}
	values, err := v.Pushed.Open(v.r.Context(), c.ID, uri, arrived)
	if errors.Is(err, par.ErrUnknown) {
		return authrequest.Params{}, &oauth.Error{
			Code: oauth.InvalidRequestURI, Err: err,
			Detail: "request_uri is not one that this client got from /par, has expired, or was used: the application has to begin anew",
		}
	}
	if err != nil {
		return authrequest.Params{}, err
	}
	v.pushed = uri
	return authrequest.Check(values), nil
}
