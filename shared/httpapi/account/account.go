// Package account serves /account, a person's own page: who is signed in, on
// which devices and in which applications, and a button to end each of them.
//
// The page belongs to the login of the browser and works by its cookie alone.
// Whoever has none is sent to sign in and comes back. What ends something is a
// form post, and a form is good only for the login that it was shown to: one
// that was left open in a tab does nothing for the next person at the browser.
// After a post the browser is sent back to the page, so that reloading repeats
// nothing.
package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler shows the page and does what its forms ask for.
type Handler struct {
	Issuer   string
	Sessions *session.Store
	People   *identity.Store
	// Clients knows the names of the applications.
	Clients *client.Store
	Forms   *browser.Forms
	Now     func() time.Time
}

// purpose ties the forms of the page to one login.
func purpose(l *session.Login) string { return contract.Account.Name + " " + l.ID }

// Serve answers GET with the page, and POST by doing something and sending the
// browser back to the page.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if r.Method == http.MethodPost {
		if err := browser.SameOrigin(r, h.Issuer); err != nil {
			return err
		}
	}
	login, err := h.Sessions.Login(ctx, browser.Cookie(r, browser.SessionCookie))
	if errors.Is(err, session.ErrEnded) {
		signIn(w, r)
		return nil
	}
	if err != nil {
		return err
	}
	note := httpapi.Note(ctx)
	note.Subject, note.Session = login.Subject, login.ID
	if r.Method != http.MethodPost {
		return h.show(w, r, login, "")
	}
	err = h.Forms.Check(ctx, r, purpose(login), r.PostForm.Get("csrf"))
	if errors.Is(err, browser.ErrForm) {
		note.Code, note.Error = string(oauth.InvalidRequest), err.Error()
		return h.show(w, r, login, web.ExpiredForm)
	}
	if err != nil {
		return err
	}
	return h.act(w, r, login)
}

// signIn sends a browser without a login to get one and come back.
func signIn(w http.ResponseWriter, r *http.Request) {
	if browser.Cookie(r, browser.SessionCookie) != "" {
		browser.ClearCookie(w, browser.SessionCookie)
	}
	web.Redirect(w, contract.Login.Paths[0]+"?return="+url.QueryEscape(contract.Account.Paths[0]))
}

// act does what a form asks for. What has ended already is as good as ended by
// this request: two tabs may ask for the same.
func (h *Handler) act(w http.ResponseWriter, r *http.Request, l *session.Login) error {
	ctx := r.Context()
	cause := session.Cause{Why: session.Revoked, Actor: l.Subject, RequestID: httpapi.RequestID(ctx)}
	var done string
	var err error
	switch r.PostForm.Get("action") {
	case web.ActionEnd:
		done = doneEnd
		_, err = h.Sessions.EndItem(ctx, l.Subject, r.PostForm.Get("id"), cause)
	case web.ActionEndOthers:
		done = doneEndOthers
		_, err = h.Sessions.EndOthers(ctx, l.Subject, l.ID, cause)
	case web.ActionSignOut:
		return h.signOut(ctx, w, l)
	default:
		return oauth.Refuse(oauth.InvalidRequest, "action is unknown")
	}
	if err != nil && !errors.Is(err, session.ErrUnknown) {
		return err
	}
	web.Redirect(w, contract.Account.Paths[0]+"?done="+done)
	return nil
}

func (h *Handler) signOut(ctx context.Context, w http.ResponseWriter, l *session.Login) error {
	cause := session.Cause{Why: session.LoggedOut, Actor: l.Subject, RequestID: httpapi.RequestID(ctx)}
	if _, err := h.Sessions.EndLogin(ctx, l.Subject, l.ID, cause); err != nil {
		return err
	}
	browser.ClearCookie(w, browser.SessionCookie)
	web.Redirect(w, contract.Logout.Paths[0])
	return nil
}

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
