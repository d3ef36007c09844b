// Package logout serves /logout: it asks whether to sign out, and does it.
//
// GET changes nothing, so that no link and no prefetching browser signs anybody
// out. POST ends the login of the browser and the grants that end with it.
// Who comes without a login, or comes back to the page later, is signed out
// already and told so.
package logout

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
	"github.com/tipstaff/tipstaff/shared/wire/sessions"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// New builds the route from its environment. The keys are read ahead of the
// first request.
func New(e *wire.Env) (http.Handler, error) {
	held := secrets.Prepared(e)
	db, registry := dynamo.Client(e), e.Name(contract.Registry)
	return e.Route(&Handler{
		Issuer:   e.Issuer,
		Sessions: sessions.Store(e, db),
		People:   &identity.Store{DB: db, Registry: registry, Now: e.Clock.Now},
		Forms:    &browser.Forms{Key: held.MACKey, Now: e.Clock.Now},
	}), nil
}

// Handler signs a browser out.
type Handler struct {
	Issuer   string
	Sessions *session.Store
	People   *identity.Store
	Forms    *browser.Forms
}

// purpose ties the form to one login.
func purpose(l *session.Login) string { return contract.Logout.Name + " " + l.ID }

// Serve answers GET with a question, or with "You are signed out", and POST by
// signing out and sending the browser to that answer.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	post := r.Method == http.MethodPost
	if post {
		if err := browser.SameOrigin(r, h.Issuer); err != nil {
			return err
		}
	}
	login, err := h.Sessions.Login(ctx, browser.Cookie(r, browser.SessionCookie))
	if errors.Is(err, session.ErrEnded) {
		signedOut(w, r)
		return nil
	}
	if err != nil {
		return err
	}
	note := httpapi.Note(ctx)
	note.Subject, note.Session = login.Subject, login.ID
	if !post {
		return h.ask(w, r, login, "")
	}
	err = h.Forms.Check(ctx, r, purpose(login), r.PostForm.Get("csrf"))
	if errors.Is(err, browser.ErrForm) {
		note.Code, note.Error = string(oauth.InvalidRequest), err.Error()
		return h.ask(w, r, login, web.ExpiredForm)
	}
	if err != nil {
		return err
	}
	cause := session.Cause{Why: session.LoggedOut, Actor: login.Subject, RequestID: httpapi.RequestID(ctx)}
	if _, err := h.Sessions.EndLogin(ctx, login.Subject, login.ID, cause); err != nil {
		return err
	}
	browser.ClearCookie(w, browser.SessionCookie)
	web.Redirect(w, contract.Logout.Paths[0])
	return nil
}

// ask shows the question, with 400 when there was a problem with the answer.
func (h *Handler) ask(w http.ResponseWriter, r *http.Request, l *session.Login, problem string) error {
	user, err := h.People.Get(r.Context(), l.Subject)
	if errors.Is(err, identity.ErrUnknown) {
		signedOut(w, r)
		return nil
	}
	if err != nil {
		return err
	}
	token, err := h.Forms.Token(r.Context(), w, r, purpose(l))
	if err != nil {
		return err
	}
	page := web.Logout{CSRF: token, Who: user.Name, Problem: problem}
	if page.Who == "" {
		page.Who = user.UserName
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	web.Render(w, status, page)
	return nil
}

// signedOut says that there is nobody to sign out, and forgets a dead cookie.
func signedOut(w http.ResponseWriter, r *http.Request) {
	if browser.Cookie(r, browser.SessionCookie) != "" {
		browser.ClearCookie(w, browser.SessionCookie)
	}
	web.Render(w, http.StatusOK, web.Message{
		Title: "You are signed out", Text: "This browser is not signed in.",
		Link: web.Link{Path: contract.Login.Paths[0], Text: "Sign in"},
	})
}

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
