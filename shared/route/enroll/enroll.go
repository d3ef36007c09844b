// Package enroll serves /invite and /recover: a person who brings a one-time link
// chooses what they sign in with from now on, a passkey or a password, and is signed
// in with it.
//
// The link says for whom it is and what for; nothing else that a browser sends has a
// say in that. To look at the page uses nothing up, and neither does a try that is
// refused, for a weak password, a name that is taken or a wrong code: all that a
// choice does is one transaction, and that the link is used up is one of its writes.
// In it a recovery ends everything that the person was signed in to, and an
// invitation makes the person.
//
// A link stands in for what a person has lost, and not for their authenticator app:
// who has one shows a code of it beside the link, unless an operator made the link
// to take the app away. The link itself is never written to a log, and its text
// leaves the address of the page with the first form.
//
// Without a link, /recover is where to ask for one; see Asking.
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

// Handler lets people in by links.
type Handler struct {
	Issuer  string
	OneTime *onetime.Store
	People  *identity.Store
	// Passkeys makes new ones, and Codes checks those of an app.
	Passkeys *passkey.Party
	Codes    *signin.Codes
	// Credentials gives a user what they have chosen.
	Credentials *credential.Service
	// Upstreams are where somebody who is invited may have an account.
	Upstreams *upstream.Store
	Throttle  *throttle.Store
	Forms     *websec.Forms
	Flow      *signin.Flow
	// Asking takes those who bring no link.
	Asking *Asking
}

// visit is a request with a link that is good.
type visit struct {
	w http.ResponseWriter
	r *http.Request
	// link is the text of the link, and ticket what it is good for.
	link   string
	ticket *onetime.Link
	// user is whom a recovery is for, nil for an invitation.
	user *identity.User
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// purpose is what the forms of a link are for: those of one link are worth nothing
// with another.
func (v *visit) purpose() string { return contract.Enroll.Name + " " + v.ticket.ID }

// binding is what a new passkey is made for: this link in this browser.
func (v *visit) binding() string {
	return contract.Enroll.Name + "\x00" + websec.Name(v.w, v.r) + "\x00" + v.ticket.ID
}

// errOvertaken says that everything of the person has ended since the link was made.
var errOvertaken = errors.New("link was overtaken by the end of all sessions")

// errDisabled says that the link is of somebody who is switched off.
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

// open finds out whether the link is good, and whose it is.
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

// dead tells a person what is the matter with a link that is not good. It is an
// answer of this route and no error, so it is noted here.
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

// lost answers a transaction that did not happen because the link, or the person, is
// not what it was when the request came. It looks again: if both are as they should
// be, the form is shown once more.
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
