// Package login serves /login: a user proves who they are.
//
// # In a browser
//
// The page offers three ways to sign in: a passkey first, then the upstreams at which
// the user may have an account, then the password. The result is a login session in a
// cookie, by which our other pages know the user. Package signin decides what follows
// the first step.
//
// # For the operator's own clients
//
// The client asks for user name and password itself, and for the code of an
// authenticator app if the user has one. It sends them as JSON and gets a grant, as if
// the user had allowed it. A native client receives the refresh token of the grant. A
// page has it in a cookie that no script can read.
//
// # Guessing
//
// An attempt with a password is slowed down before the password is looked at. The
// answer to an unknown user name is the same as that to a wrong password, in words, in
// headers and in time. A passkey cannot be guessed, so a sign-in with one never waits.
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

// Handler signs users in.
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
	// Upstreams returns the upstreams at which users may have an account.
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
