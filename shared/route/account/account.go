// Package account serves /account, the page on which a user manages the account.
// It shows the authenticators, the sessions, the applications with access and the
// recent activity, with a button to change each of them.
//
// # Forms
//
// The session cookie of the browser is the only credential of the page. A request
// without a session is redirected to /login, which returns to the page. Every
// change is a form post. A form is valid only for the session that it was shown
// to, so that a form left open in a tab does nothing for the next user of the
// browser. After a post the browser is redirected to the page, so that reloading
// repeats nothing.
//
// # Recent sign-in
//
// A person who finds a signed-in browser must not gain lasting access. A change of
// an authenticator therefore needs a sign-in of the last ten minutes. Without one
// the user is sent to /login to confirm it, and returns to the same page. Each
// such change is one transaction with its audit entry, on the condition that
// nothing it depends on was changed since it was read. The last way to sign in is
// never removed.
package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler shows the pages and does what their forms ask for.
type Handler struct {
	Issuer   string
	Browser  *userauth.Browser
	Sessions *session.Store
	// Clients has the names of the applications, and Consents what the user
	// allowed them.
	Clients  *client.Store
	Consents *consent.Store
	Passkeys *passkey.Party
	// Credentials changes what the user signs in with.
	Credentials *credential.Service
	Trail       *audit.Trail
	// Flow keeps the browser signed in when a new password has ended all sessions.
	Flow  *signin.Flow
	Forms *websec.Forms
	Now   func(context.Context) time.Time
}

// visit is one request of a signed-in user.
type visit struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	login *session.Login
	// met are the applications that were looked up, by client id. An application
	// that was removed is looked up once, however often the page shows it.
	met map[string]app
}

// purpose ties the forms of the pages to one login.
func purpose(l *session.Login) string { return contract.Account.Name + " " + l.ID }

// Serve answers GET with a page, and POST by doing something and sending the
// browser back to the page.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if r.Method == http.MethodPost {
		if err := websec.SameOrigin(r, h.Issuer); err != nil {
			return err
		}
	}
	login, err := h.Browser.Require(r)
	v := &visit{Handler: h, w: w, r: r, login: login}
	if errors.Is(err, userauth.ErrSignedOut) {
		return v.signIn()
	}
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return v.open(r.URL.Query().Get("open"))
	}
	err = h.Forms.Check(ctx, r, purpose(login), r.PostForm.Get("csrf"))
	if errors.Is(err, websec.ErrForm) {
		return v.refuse(web.ExpiredForm, err)
	}
	if err != nil {
		return err
	}
	return v.act(r.PostForm.Get("action"))
}

// signIn redirects a browser without a session to /login, which returns here.
func (v *visit) signIn() error {
	userauth.Forget(v.w, v.r)
	back := contract.Account.Path()
	if page := v.r.URL.Query().Get("open"); slices.Contains(places, page) {
		back = address("open", page)
	}
	web.Redirect(v.w, contract.Login.Path()+"?return="+url.QueryEscape(back))
	return nil
}

// places are the values of the query parameter "open".
var places = []string{web.OpenPasskey, web.OpenPassword, web.OpenOTP, web.OpenCodes, web.OpenWays, web.OpenSessions}

// address is the path of the page with one query parameter.
func address(name, word string) string { return contract.Account.Path() + "?" + name + "=" + word }

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
