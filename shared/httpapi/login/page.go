package login

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// purpose is what the token of our form is for.
const purpose = "login"

// destinations are the places that a sign-in may lead to, the usual one first, and
// onward those that may have a query: they sent the person here, and judge what
// they asked for anew.
var (
	destinations = []string{contract.Account.Paths[0], contract.Home.Paths[0], contract.Device.Paths[0]}
	onward       = []string{contract.Authorize.Paths[0], contract.Device.Paths[0]}
)

// maxReturn is the length of the longest way back.
const maxReturn = 8 << 10

// destination is where the browser asks to go, if that is a place of ours, and the
// usual one if not. A path that begins like one of ours leads nowhere else.
func destination(asked string) string {
	path, _, query := strings.Cut(asked, "?")
	if slices.Contains(destinations, asked) || query && slices.Contains(onward, path) && len(asked) <= maxReturn && plain(asked) {
		return asked
	}
	return destinations[0]
}

// plain reports whether a path and its query consist of what a URI consists of.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("\"#<>\\^`{|}", c)
	})
}

// show answers with an empty form. Another page of ours may have said in the URL
// who is expected.
func (h *Handler) show(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	page := web.Login{Return: q.Get("return"), To: q.Get("to")}
	if hint := q.Get("login_hint"); identity.ValidUserName(hint) {
		page.UserName = hint
	}
	return h.form(w, r, http.StatusOK, page)
}

// form answers with a form of this browser.
func (h *Handler) form(w http.ResponseWriter, r *http.Request, status int, page web.Login) error {
	var err error
	if page.CSRF, err = h.Forms.Token(r.Context(), w, r, purpose); err != nil {
		return err
	}
	page.Return = destination(page.Return)
	if !browser.ValidSource(page.To) || !strings.HasPrefix(page.Return, contract.Authorize.Paths[0]+"?") {
		page.To = "" // it leads to no client
	}
	web.Render(w, status, page)
	return nil
}

// submit takes the form. A browser that is signed in already gets a new session
// all the same, and the one before ends: whoever knew its cookie knows nothing
// any more.
func (h *Handler) submit(w http.ResponseWriter, r *http.Request) error {
	if err := browser.SameOrigin(r, h.Issuer); err != nil {
		return err
	}
	page := web.Login{UserName: r.PostForm.Get("user_name"), Return: r.PostForm.Get("return"), To: r.PostForm.Get("to")}
	err := h.Forms.Check(r.Context(), r, purpose, r.PostForm.Get("csrf"))
	if errors.Is(err, browser.ErrForm) {
		page.Problem = web.ExpiredForm
		return h.again(w, r, http.StatusBadRequest, page, err)
	}
	if err != nil {
		return err
	}
	a := attempt{userName: page.UserName, password: r.PostForm.Get("password")}
	a.inBrowser(r)
	var cookie string
	err = h.signIn(r, a, func(user *identity.User) error {
		cookie, err = h.open(r, user)
		return err
	})
	if left, throttled := wait(err); throttled {
		httpapi.Note(r.Context()).Throttled = 1
		w.Header().Set("Retry-After", strconv.Itoa(int(left/time.Second)))
		page.Problem, page.RetryAfter = web.TooManyTries, left
		return h.again(w, r, http.StatusTooManyRequests, page, err)
	}
	if errors.Is(err, errPassword) {
		page.Problem = web.WrongPassword
		return h.again(w, r, http.StatusBadRequest, page, err)
	}
	if err != nil {
		return err
	}
	remember(w, a.remember)
	browser.SetCookie(w, browser.SessionCookie, cookie, session.LoginLife)
	web.Redirect(w, destination(page.Return))
	return nil
}

// open creates a login and ends the one that the browser had, whoever's it was,
// with the grants that hang on it.
func (h *Handler) open(r *http.Request, user *identity.User) (cookie string, err error) {
	ctx := r.Context()
	store := h.Renewer.Sessions
	login, cookie, err := store.CreateLogin(ctx, session.NewLogin{
		Subject: user.Subject, AuthGen: user.AuthGen, AuthTime: h.Renewer.Now(), AMR: methods,
		Device: session.NewDevice(r.RemoteAddr, r.UserAgent()), RequestID: httpapi.RequestID(ctx),
	})
	if err != nil {
		return "", err
	}
	httpapi.Note(ctx).Session = login.ID
	old, err := store.Login(ctx, browser.Cookie(r, browser.SessionCookie))
	if errors.Is(err, session.ErrEnded) {
		return cookie, nil
	}
	if err != nil {
		return "", err
	}
	_, err = store.EndLogin(ctx, old.Subject, old.ID, session.Cause{
		Why: session.LoggedOut, Actor: user.Subject, RequestID: httpapi.RequestID(ctx),
	})
	return cookie, err
}

// again answers with the form and what was wrong with the last one. A try that
// was refused is an answer of this route and no error, so it is noted here.
func (h *Handler) again(w http.ResponseWriter, r *http.Request, status int, page web.Login, why error) error {
	note := httpapi.Note(r.Context())
	note.Error, note.Code = why.Error(), string(oauth.InvalidGrant)
	if status == http.StatusTooManyRequests {
		note.Code = string(oauth.TemporarilyUnavailable)
	}
	return h.form(w, r, status, page)
}

// Refuse shows what went wrong as a page; clients that sent JSON get JSON.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	if httpapi.IsJSON(r) {
		return false
	}
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
