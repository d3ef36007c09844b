// Package enroll serves /invite and /recover. A user with a one-time link chooses a
// new authenticator there, a passkey or a password, and is signed in with it.
//
// # Links
//
// The link alone determines the user and the purpose. Nothing else that a browser
// sends changes them. To open the page does not use up the link, and neither does a
// form that is refused for a weak password, a user name that is taken or a wrong
// code. A choice is one transaction, and to use up the link is one of its writes. In
// the same transaction a recovery ends all sessions of the user, and an invitation
// creates the user.
//
// The link is never written to a log. It leaves the address of the page with the
// first form.
//
// # Authenticator app
//
// A link replaces a lost password or passkey, and not the authenticator app. A user
// with an app sends a code of it together with the link, unless an operator made the
// link to remove the app.
//
// Without a link, /recover is the page to ask for one; see [Asking].
package enroll

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Handler serves the pages of one-time links.
type Handler struct {
	Issuer  string
	OneTime *onetime.Store
	People  *identity.Store
	// Passkeys registers new passkeys, and Codes checks the codes of an
	// authenticator app.
	Passkeys *passkey.Party
	Codes    *signin.Codes
	// Credentials stores the authenticator that the user chose.
	Credentials *credential.Service
	// Upstreams are the upstream providers with which an invited user may sign up.
	Upstreams *upstream.Store
	Throttle  *throttle.Store
	Forms     *websec.Forms
	Flow      *signin.Flow
	// Asking answers requests for /recover without a link.
	Asking *Asking
}

// visit is a request with a valid link.
type visit struct {
	w http.ResponseWriter
	r *http.Request
	// link is the text of the link, and ticket the stored link that it names.
	link   string
	ticket *onetime.Link
	// user is the user of a recovery, nil for an invitation.
	user *identity.User
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// purpose is the purpose of the forms of a link. The form of one link is not valid
// with another.
func (v *visit) purpose() string { return contract.Enroll.Name + " " + v.ticket.ID }

// binding ties the challenge for a new passkey to this link in this browser.
func (v *visit) binding() string {
	return contract.Enroll.Name + "\x00" + websec.Name(v.w, v.r) + "\x00" + v.ticket.ID
}

// errOvertaken is returned when all sessions of the user have ended since the link was
// made.
var errOvertaken = errors.New("link was overtaken by the end of all sessions")

// errDisabled is returned when the user of the link is disabled.
var errDisabled = errors.New("user is disabled")

// Serve shows the page of a link, or takes its form.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	kind := onetime.Invite
	if r.URL.Path == contract.Enroll.Paths[1] {
		kind = onetime.Recover
	}
	post := r.Method == http.MethodPost
	v := &visit{w: w, r: r, link: r.URL.Query().Get(onetime.Parameter)}
	if post {
		v.link = r.PostForm.Get(onetime.Parameter)
	}
	if v.link == "" && kind == onetime.Recover {
		return h.Asking.Serve(w, r)
	}
	if post {
		if err := websec.SameOrigin(r, h.Issuer); err != nil {
			return err
		}
	}
	if err := h.open(v, kind); err != nil {
		return dead(v, kind, err)
	}
	switch {
	case !post && kind == onetime.Recover:
		return h.choose(v, http.StatusOK, web.Choose{})
	case !post:
		return h.invitation(v, http.StatusOK, web.Invitation{UserName: v.ticket.UserName, Name: v.ticket.Name})
	}
	if err := h.Throttle.Admit(r.Context(), contract.Enroll.Name, r.RemoteAddr); err != nil {
		return err
	}
	err := h.Forms.Check(r.Context(), r, v.purpose(), r.PostForm.Get("csrf"))
	if err != nil && !errors.Is(err, websec.ErrForm) {
		return err
	}
	if kind == onetime.Recover {
		return h.recover(v, err)
	}
	return h.invite(v, err)
}

// open validates the link and reads its user.
func (h *Handler) open(v *visit, kind onetime.Kind) error {
	t, err := h.OneTime.Open(v.ctx(), v.link, kind)
	if err != nil {
		return err
	}
	v.ticket = t
	httpapi.Note(v.ctx()).Subject = t.Subject
	if kind == onetime.Invite {
		return nil
	}
	v.user, err = h.People.Get(v.ctx(), t.Subject)
	switch {
	case errors.Is(err, identity.ErrUnknown):
		return onetime.ErrUnknown
	case err != nil:
		return err
	case v.user.Disabled:
		return errDisabled
	case v.user.AuthGen != t.AuthGen:
		return errOvertaken
	}
	return nil
}

// dead answers a link that is not valid with a page that gives the reason. It returns
// no error, so the reason is added to the log line here.
func dead(v *visit, kind onetime.Kind, err error) error {
	invited := kind == onetime.Invite
	status := http.StatusGone
	var page web.Message
	switch {
	case errors.Is(err, onetime.ErrUnknown):
		page, status = web.UnknownLink(invited), http.StatusNotFound
	case errors.Is(err, onetime.ErrExpired):
		page = web.ExpiredLink(invited)
	case errors.Is(err, onetime.ErrUsed):
		page = web.UsedLink()
	case errors.Is(err, errOvertaken):
		page = web.OvertakenLink()
	case errors.Is(err, errDisabled):
		page, status = web.SwitchedOff(httpapi.RequestID(v.ctx())), http.StatusForbidden
	default:
		return err
	}
	note(v, err)
	web.Render(v.w, status, page)
	return nil
}

func note(v *visit, why error) {
	entry := httpapi.Note(v.ctx())
	entry.Code, entry.Error = string(oauth.InvalidGrant), why.Error()
}

// lost answers a transaction that failed because the link or the user changed after
// the request had read them. It reads both again. If both are still valid, again
// shows the form once more.
func (h *Handler) lost(v *visit, why error, again func() error) error {
	if err := h.open(v, v.ticket.Kind); err != nil {
		return dead(v, v.ticket.Kind, err)
	}
	note(v, why)
	return again()
}

// Refuse shows a refusal as a page.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, refused httpapi.Refusal) bool {
	web.Render(w, refused.Status, web.Refused(refused.Status, httpapi.RequestID(r.Context())))
	return true
}
