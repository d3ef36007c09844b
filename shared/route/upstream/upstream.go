// Package upstream serves /upstream/{id}: a user goes to another issuer, proves there
// who they are, and returns.
//
// # The way there
//
// A link on a page of ours begins a journey. It has one of three ends: the user signs
// in, links the account to the user who is signed in, or follows an invitation with
// it. The stage stores which one it is; the browser does not carry it.
//
// # The way back
//
// The callback is an address that any site can open with any parameters. So the
// handler first takes the journey, which works once, and judges it: it must be of this
// browser, to this upstream, and not too old. Then the upstream must have answered us,
// about this journey (Casdoor CVE-2026-9098). Only then the handler looks up the user
// of the account. Its issuer and its subject decide, and a mail address never does
// (Casdoor CVE-2026-9092).
//
// # The second step
//
// A user with an authenticator app is asked for a code, as after a password: an
// account at an upstream is one factor, however well it is protected there.
package upstream

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler sends users to upstreams and handles their return.
type Handler struct {
	Issuer    string
	Upstreams *upstream.Store
	Party     *relying.Party
	Journeys  *relying.Journeys
	Links     *external.Store
	OneTime   *onetime.Store
	People    *identity.Store
	Flow      *signin.Flow
	Forms     *websec.Forms
	Throttle  *throttle.Store
	Refusals  *audit.Refusals
	Now       func(context.Context) time.Time
}

// visit is a request about an upstream.
type visit struct {
	w http.ResponseWriter
	r *http.Request
	q url.Values
	// upstream is the upstream of the request.
	upstream *upstream.Upstream
	// back is the path of the page that the user came from.
	back string
}

// Serve handles both the link that begins a journey and the callback.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	prefix, _, _ := strings.Cut(contract.Upstream.Path(), "{id}")
	id, place, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	// A repeated parameter has two meanings, so the request is refused.
	q, err := httpapi.ParseForm(r.URL.RawQuery)
	if err != nil {
		return &oauth.Error{Code: oauth.InvalidRequest, Detail: "the parameters are not those of an answer", Err: err}
	}
	v := &visit{w: w, r: r, q: q, back: contract.Login.Path()}
	switch place {
	case "":
		return h.leave(v, id)
	case "callback":
		return h.arrive(v, id)
	}
	return oauth.Refuse(oauth.NotFound, "there is nothing here")
}

// find reports whether the upstream of the request exists and is enabled. If not, it
// has answered with a page.
func (h *Handler) find(v *visit, id string) (ok bool, err error) {
	v.upstream, err = h.Upstreams.Get(v.r.Context(), id)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, upstream.ErrUnknown):
		v.tell(http.StatusNotFound, web.NoUpstream(v.back), oauth.NotFound, err)
		return false, nil
	case errors.Is(err, upstream.ErrDisabled):
		v.tell(http.StatusForbidden, web.UpstreamOff(v.upstream.Name, v.back), oauth.AccessDenied, err)
		return false, nil
	}
	return false, err
}

// tell answers with a message. The answer is no error for the shared steps, so tell
// notes its reason in the log.
func (v *visit) tell(status int, page web.Message, code oauth.Code, why error) {
	note := httpapi.Note(v.r.Context())
	note.Code, note.Error = string(code), why.Error()
	web.Render(v.w, status, page)
}

func (v *visit) reference() string { return httpapi.RequestID(v.r.Context()) }

// signInPath returns the path of a sign-in that leads on to a page afterwards.
func signInPath(asked, to string) string {
	q := url.Values{"return": {signin.Destination(asked)}}
	if to = signin.Source(asked, to); to != "" {
		q.Set("to", to)
	}
	return contract.Login.Path() + "?" + q.Encode()
}

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
