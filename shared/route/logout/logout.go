// Package logout serves /logout: users sign out here, on their own or because a client
// sends them (OpenID Connect RP-Initiated Logout 1.0).
//
// # Confirmation
//
// A user who comes on their own is asked first. GET changes nothing then, so no link
// and no prefetching browser signs a user out. The user answers with a POST from our
// own page.
//
// A user is signed out at once if the client shows an ID token of this very login
// session: only that client and the user have one. Any other hint counts as none.
//
// # Afterwards
//
// The browser goes to the post_logout_redirect_uri that the client asks for, if that
// is registered for the client character by character. This holds also if no user was
// signed in. If the URI is not registered, nothing happens at all, and the browser
// stays.
package logout

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler signs a browser out.
type Handler struct {
	Issuer  string
	Browser *userauth.Browser
	Clients *client.Store
	// Keys finds the keys of our ID tokens.
	Keys  token.Keys
	Forms *websec.Forms
	Now   func(context.Context) time.Time
}

// path is the path of this route.
var path = contract.Logout.Path()

// purpose binds the form to one login session.
func purpose(l *session.Login) string { return contract.Logout.Name + " " + l.ID }

// Serve signs the user out, or asks whether to, and sends the browser on.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	form, err := parameters(r)
	if err != nil {
		return err
	}
	answered := r.Method == http.MethodPost
	if answered && form.Get(fieldCSRF) == "" {
		return relay(w, form)
	}
	if answered {
		if err := websec.SameOrigin(r, h.Issuer); err != nil {
			return err
		}
	}
	asked, err := h.judge(r.Context(), form)
	if err != nil {
		return err
	}
	login, err := h.Browser.Require(r)
	if errors.Is(err, userauth.ErrSignedOut) {
		goOn(w, r, asked)
		return nil
	}
	if err != nil {
		return err
	}
	if answered {
		return h.answer(w, r, login, asked)
	}
	if asked.about(login) && navigation(r) {
		return h.signOut(w, r, login, asked)
	}
	return h.ask(w, r, login, asked, "")
}

// answer takes the form with which the user confirms the sign-out.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, l *session.Login, asked *request) error {
	err := h.Forms.Check(r.Context(), r, purpose(l), r.PostForm.Get(fieldCSRF))
	if errors.Is(err, websec.ErrForm) {
		note := httpapi.Note(r.Context())
		note.Code, note.Error = string(oauth.InvalidRequest), err.Error()
		return h.ask(w, r, l, asked, web.ExpiredForm)
	}
	if err != nil {
		return err
	}
	return h.signOut(w, r, l, asked)
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request, l *session.Login, asked *request) error {
	if err := h.Browser.End(w, r, l); err != nil {
		return err
	}
	if asked.redirect != "" {
		web.Redirect(w, asked.location())
		return nil
	}
	web.Redirect(w, path)
	return nil
}

// ask shows the form that confirms the sign-out, with 400 if there was a problem with
// the form before.
func (h *Handler) ask(w http.ResponseWriter, r *http.Request, l *session.Login, asked *request, problem string) error {
	user, err := h.Browser.User(r.Context(), l)
	if errors.Is(err, userauth.ErrSignedOut) {
		goOn(w, r, asked)
		return nil
	}
	if err != nil {
		return err
	}
	csrf, err := h.Forms.Token(r.Context(), w, r, purpose(l))
	if err != nil {
		return err
	}
	page := web.Logout{CSRF: csrf, Who: user.Name, Problem: problem}
	if page.Who == "" {
		page.Who = user.UserName
	}
	if asked.redirect != "" {
		page.App, page.To = asked.app, websec.Source(asked.redirect)
		page.ClientID, page.RedirectURI, page.State = asked.clientID, asked.redirect, asked.state
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	web.Render(w, status, page)
	return nil
}

// goOn is the answer when no user is signed in. It forgets a dead cookie.
func goOn(w http.ResponseWriter, r *http.Request, asked *request) {
	userauth.Forget(w, r)
	if asked.redirect != "" {
		web.Redirect(w, asked.location())
		return
	}
	web.Render(w, http.StatusOK, web.SignedOut())
}

// navigation reports whether a user navigates to this address, as opposed to a page
// that embeds it or a browser that prefetches.
func navigation(r *http.Request) bool {
	destination := r.Header.Get("Sec-Fetch-Dest")
	return r.Method == http.MethodGet && (destination == "" || destination == "document") &&
		!strings.Contains(r.Header.Get("Sec-Purpose")+r.Header.Get("Purpose"), "prefetch")
}

// Refuse shows a refusal as a page, on which the user can still sign out.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	reference := httpapi.RequestID(r.Context())
	page := web.Refused(refused.Status, reference)
	if refused.Status == http.StatusBadRequest {
		page = web.LogoutRefused(refused.Detail, reference)
	}
	web.Render(w, refused.Status, page)
	return true
}
