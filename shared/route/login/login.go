// Package login serves /login: a person proves who they are.
//
// In a browser that is a page with three ways in, and its result is a login session
// in a cookie, with which other pages of ours know the person. A passkey comes
// first, then the upstreams at which people may have an account, and then the
// password. What comes after the first step is the business of package signin.
//
// For the operator's own clients it is JSON: the client asks for user name and
// password itself, and for the code of those who have an authenticator app, and
// gets a grant, as if the person had allowed it. A native client receives the
// refresh token of the grant, a page has it in a cookie that no script can read.
//
// Whoever tries a password is slowed down before the password is looked at, and
// is told the same for a name that nobody has as for a wrong password, in words,
// in headers and in time. A passkey is nothing to guess and waits for nobody.
package login

import (
	"context"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler signs people in.
type Handler struct {
	Issuer   string
	Auth     *clientauth.Guard
	Issue    *issue.Issuer
	People   *identity.Store
	Throttle *throttle.Store
	Forms    *websec.Forms
	Flow     *signin.Flow
	Codes    *signin.Codes
	Passkeys *passkey.Verifier
	// Upstreams are where else people may have an account.
	Upstreams func(context.Context) ([]web.Upstream, error)
}

// Serve shows the page, takes one of its forms or that of the second step, or answers
// a client.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return h.show(w, r)
	}
	if httpapi.IsJSON(r) {
		return h.answer(w, r)
	}
	if err := websec.SameOrigin(r, h.Issuer); err != nil {
		return err
	}
	switch {
	case r.PostForm.Has("step"):
		return h.Flow.Continue(w, r, h.Codes)
	case r.PostForm.Has("passkey"):
		return h.passkey(w, r)
	default:
		return h.submit(w, r)
	}
}
