package login

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/web"
)

// purpose is what the token of our form is for.
const purpose = "login"

// whyConfirm is the reason to sign in again for a user who is signed in: the action
// that they are about to take requires it.
const whyConfirm = "confirm"

// show answers with an empty form. Another page of ours may have named the expected
// user in the URL.
func (h *Handler) show(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	page := asked(q.Get)
	if hint := q.Get("login_hint"); identity.ValidUserName(hint) {
		page.UserName = hint
	}
	return h.form(w, r, http.StatusOK, page)
}

// asked returns the page that the URL, or one of its forms, asks for.
func asked(get func(string) string) web.Login {
	return web.Login{
		Return: get("return"), To: get("to"), Confirm: get("why") == whyConfirm, Strong: get("acr") == oauth.ACRMultiple,
	}
}

// form answers with forms that are bound to this browser.
func (h *Handler) form(w http.ResponseWriter, r *http.Request, status int, page web.Login) error {
	ctx := r.Context()
	var err error
	if page.CSRF, err = h.Forms.Token(ctx, w, r, purpose); err != nil {
		return err
	}
	if page.Passkey, err = h.Passkeys.SignIn(ctx, binding(websec.Name(w, r))); err != nil {
		return err
	}
	if page.Upstreams, err = h.Upstreams(ctx); err != nil {
		// The user can sign in without an upstream.
		httpapi.Note(ctx).Error = err.Error()
	}
	if err = h.confirm(r, &page); err != nil {
		return err
	}
	page.Return, page.To = signin.Destination(page.Return), signin.Source(page.Return, page.To)
	web.Render(w, status, page)
	return nil
}

// confirm names the signed-in user on a page that asks the user to confirm who they
// are. Without a login session any user may sign in on that page.
func (h *Handler) confirm(r *http.Request, page *web.Login) error {
	if !page.Confirm {
		return nil
	}
	login, err := h.Flow.Browser.Optional(r)
	if err != nil || login == nil {
		return err
	}
	user, err := h.Flow.Browser.User(r.Context(), login)
	if errors.Is(err, userauth.ErrSignedOut) {
		return nil
	}
	if err != nil {
		return err
	}
	page.Who, page.Passwordless = user.UserName, !user.HasPassword()
	return nil
}

// submit takes the form with the password.
func (h *Handler) submit(w http.ResponseWriter, r *http.Request) error {
	page := asked(r.PostForm.Get)
	page.UserName = r.PostForm.Get("user_name")
	err := h.Forms.Check(r.Context(), r, purpose, r.PostForm.Get("csrf"))
	if errors.Is(err, websec.ErrForm) {
		page.Problem = web.ExpiredForm
		return h.again(w, r, page, err)
	}
	if err != nil {
		return err
	}
	a := attempt{userName: page.UserName, password: r.PostForm.Get("password")}
	a.known, a.remember = signin.KnownBrowser(r)
	err = h.signIn(r, a, func(user *identity.User) error {
		return h.Flow.SignIn(w, r, signin.Proof{User: user, AMR: methods, Return: page.Return, To: page.To, Remember: a.remember})
	})
	if httpapi.Limited(err) {
		page.Problem = web.TooManyTries
		return h.again(w, r, page, err)
	}
	if errors.Is(err, errPassword) {
		page.Problem = web.WrongPassword
		return h.again(w, r, page, err)
	}
	return err
}

// again answers with the page and the reason why the last attempt failed.
func (h *Handler) again(w http.ResponseWriter, r *http.Request, page web.Login, why error) error {
	var status int
	status, page.RetryAfter = httpapi.Again(w, r, oauth.InvalidGrant, why)
	return h.form(w, r, status, page)
}

// Refuse shows a refusal as a page. Clients that sent JSON get JSON.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	if httpapi.IsJSON(r) {
		return false
	}
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
