// Package device serves /device, where a person lets in a device that has no
// browser of its own (RFC 8628 §3.3).
//
// The person signs in first and then types the code that the device shows. Only
// then do they see who asks for what, and from where, and say yes or no. A link
// with the code in it fills in the form and does no more: whoever sends such a
// link to somebody must not be let in by a click (§5.4).
//
// A code is short enough to be guessed, so each try is counted before the code is
// looked up. What the question posts is tied to the login, to the code and to the
// request that was shown, and is refused before anything is looked up: no answer
// can be given to what was not asked, and none of them tells whether a code
// exists.
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

// path is where this is served.
var path = contract.Device.Path()

// What was just decided, as the address of the page says it. Anybody can write
// such an address; it has no other effect than a text.
const (
	doneAllow = "allow"
	doneDeny  = "deny"
)

// visit is one request of somebody who is signed in.
type visit struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	login *session.Login
	user  *identity.User
}

// Serve asks for a code, or takes one, or the answer to the question behind it.
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

// person finds out who is signed in. The error is userauth.ErrSignedOut when no user
// is.
func (v *visit) person() (err error) {
	if v.login, err = v.Browser.Require(v.r); err != nil {
		return err
	}
	if v.user, err = v.Browser.User(v.r.Context(), v.login); err != nil {
		return err
	}
	return v.Browser.Use(v.r, v.login)
}

// signIn sends a browser without a login to get one and come back with the code.
func signIn(w http.ResponseWriter, r *http.Request, typed string) {
	userauth.Forget(w, r)
	back := path
	if code, err := device.ParseUserCode(typed); err == nil {
		back += "?user_code=" + code.String()
	}
	web.Redirect(w, contract.Login.Path()+"?return="+url.QueryEscape(back))
}

// show answers with the form, or says what was just decided.
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

// form answers with a form of this login.
func (v *visit) form(status int, page web.Device) error {
	var err error
	if page.CSRF, err = v.Forms.Token(v.r.Context(), v.w, v.r, v.purpose()); err != nil {
		return err
	}
	web.Render(v.w, status, page)
	return nil
}

// purpose ties the form to the login.
func (v *visit) purpose() string { return contract.Device.Name + " " + v.login.ID }

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
