// Package account serves /account, a person's own page: how they sign in, where
// they are signed in, what they let in, and what happened lately, with the buttons
// to change each of it.
//
// The page belongs to the login of the browser and works by its cookie alone.
// Whoever has none is sent to sign in and comes back. What changes something is a
// form post, and a form is good only for the login that it was shown to: one
// that was left open in a tab does nothing for the next person at the browser.
// After a post the browser is sent back to the page, so that reloading repeats
// nothing.
//
// Whoever finds a browser open must not be able to stay: what a person signs in
// with is changed only by somebody who proved who they are within ten minutes.
// Everybody else is sent to do so, and comes back to where they were. Each such
// change is one transaction with its audit entry, on the condition that nothing
// else of it was changed since we looked. The last way in is never removed.
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
	// Clients knows the names of the applications, and Consents what they were
	// allowed.
	Clients  *client.Store
	Consents *consent.Store
	Passkeys *passkey.Party
	// Credentials changes what the user signs in with.
	Credentials *credential.Service
	Trail       *audit.Trail
	// Flow keeps the browser signed in when a new password has ended everything.
	Flow  *signin.Flow
	Forms *websec.Forms
	Now   func(context.Context) time.Time
}

// visit is one request of somebody who is signed in.
type visit struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	login *session.Login
	// met are the applications that were looked for: one that is gone is looked
	// for once, however often the page has it.
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

// signIn sends a browser without a login to get one and come back.
func (v *visit) signIn() error {
	userauth.Forget(v.w, v.r)
	back := contract.Account.Path()
	if page := v.r.URL.Query().Get("open"); slices.Contains(places, page) {
		back = address("open", page)
	}
	web.Redirect(v.w, contract.Login.Path()+"?return="+url.QueryEscape(back))
	return nil
}

// places are what the address of the page may say in "open".
var places = []string{web.OpenPasskey, web.OpenPassword, web.OpenOTP, web.OpenCodes, web.OpenWays, web.OpenSessions}

// address is the page with one word behind it.
func address(name, word string) string { return contract.Account.Path() + "?" + name + "=" + word }

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
