// Package device serves /device, the verification URI of the device grant, where the
// user allows or denies a device without a browser (RFC 8628 §3.3).
//
// The user signs in first and then types the user code that the device shows. The
// next page shows the client, what it asks for and from where, and the user allows or
// denies it. A link with the code in it only fills in the form: one click on a link
// from an attacker must not allow the attacker's device (§5.4).
//
// # Guesses
//
// A user code is short enough to be guessed, so each try is counted before the code
// is looked up. The form of the decision is tied to the session, to the code and to
// the request that was shown. Another form is refused before anything is looked up.
// So a decision cannot be made for a request that was not shown, and a refused form
// does not reveal whether a code exists.
package device

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler shows the pages and takes their forms.
type Handler struct {
	Issuer   string
	Browser  *userauth.Browser
	Clients  *client.Store
	Devices  *device.Store
	Throttle *throttle.Store
	Forms    *websec.Forms
	Now      func(context.Context) time.Time
}

// path is the path of this route.
var path = contract.Device.Path()

// The values of the query parameter "done" name the last decision. Any site can link
// to such an address. Its only effect is the text on the page.
const (
	doneAllow = "allow"
	doneDeny  = "deny"
)

// visit is one request of a signed-in user.
type visit struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	login *session.Login
	user  *identity.User
}

// Serve asks for a user code, takes a code, or takes the decision about its request.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	typed := r.URL.Query().Get("user_code")
	if r.Method == http.MethodPost {
		if err := websec.SameOrigin(r, h.Issuer); err != nil {
			return err
		}
		typed = r.PostForm.Get("user_code")
	}
	v := &visit{Handler: h, w: w, r: r}
	err := v.person()
	if errors.Is(err, userauth.ErrSignedOut) {
		signIn(w, r, typed)
		return nil
	}
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return v.show(typed)
	}
	switch decision := r.PostForm.Get("decision"); decision {
	case "":
		return v.look(typed)
	case web.Allow, web.Deny:
		return v.decide(typed, decision == web.Allow)
	}
	return oauth.Refuse(oauth.InvalidRequest, "decision is unknown")
}

// person reads the session and its user. [userauth.ErrSignedOut] is returned when no
// user is signed in.
func (v *visit) person() (err error) {
	if v.login, err = v.Browser.Require(v.r); err != nil {
		return err
	}
	if v.user, err = v.Browser.User(v.r.Context(), v.login); err != nil {
		return err
	}
	return v.Browser.Use(v.r, v.login)
}

// signIn redirects a browser without a session to /login, which returns with the code.
func signIn(w http.ResponseWriter, r *http.Request, typed string) {
	userauth.Forget(w, r)
	back := path
	if code, err := device.ParseUserCode(typed); err == nil {
		back += "?user_code=" + code.String()
	}
	web.Redirect(w, contract.Login.Path()+"?return="+url.QueryEscape(back))
}

// show answers with the form, or with the last decision.
func (v *visit) show(typed string) error {
	switch v.r.URL.Query().Get("done") {
	case doneAllow:
		web.Render(v.w, http.StatusOK, web.DeviceDone(true))
		return nil
	case doneDeny:
		web.Render(v.w, http.StatusOK, web.DeviceDone(false))
		return nil
	}
	page := web.Device{}
	if code, err := device.ParseUserCode(typed); err == nil {
		page.Code = code.String()
	}
	return v.form(http.StatusOK, page)
}

// form answers with a form that is valid for this session.
func (v *visit) form(status int, page web.Device) error {
	var err error
	if page.CSRF, err = v.Forms.Token(v.r.Context(), v.w, v.r, v.purpose()); err != nil {
		return err
	}
	web.Render(v.w, status, page)
	return nil
}

// purpose ties the form to the session.
func (v *visit) purpose() string { return contract.Device.Name + " " + v.login.ID }

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
