package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/web"
)

// paramInvite is the text of an invitation, and paramLink the token of a page that
// offers to link an account.
const (
	paramInvite = "invite"
	paramLink   = "link"
)

// leave sends a user to an upstream. Only a link on a page of ours does so: another
// site cannot make a browser sign in.
func (h *Handler) leave(v *visit, id string) error {
	if err := websec.SameOrigin(v.r, h.Issuer); err != nil {
		return err
	}
	asked, to := v.q.Get("return"), v.q.Get("to")
	v.back = signInPath(asked, to)
	if ok, err := h.find(v, id); !ok {
		return err
	}
	j := &relying.Journey{
		Upstream: v.upstream.ID, Issuer: v.upstream.Issuer, ClientID: v.upstream.ClientID, Browser: websec.Name(v.w, v.r),
		Return: signin.Destination(asked), To: signin.Source(asked, to),
	}
	if ok, err := h.purpose(v, j); !ok {
		return err
	}
	ctx := v.r.Context()
	if err := h.Throttle.Admit(ctx, contract.Upstream.Name, v.r.RemoteAddr); err != nil {
		return err
	}
	state, err := h.Journeys.Begin(ctx, j)
	if err != nil {
		return err
	}
	location, err := h.Party.Leave(ctx, v.upstream, state, j)
	if err != nil {
		return v.failed(err)
	}
	web.Redirect(v.w, location)
	return nil
}

// purpose completes a journey with its purpose, and reports whether it may begin. If
// not, it has answered with a page.
func (h *Handler) purpose(v *visit, j *relying.Journey) (ok bool, err error) {
	login, err := h.Flow.Browser.Optional(v.r)
	if err != nil {
		return false, err
	}
	link, invite := v.q.Get(paramLink), v.q.Get(paramInvite)
	switch {
	case link != "" && invite != "":
		return false, oauth.Refuse(oauth.InvalidRequest, "an account is linked, or an invitation followed")
	case link != "":
		return h.linking(v, j, login, link)
	case invite != "":
		return h.invited(v, j, invite)
	}
	// A user who is signed in already has to sign in at the upstream again.
	j.Again = login != nil
	return true, nil
}

// linking makes j a journey that links an account to the user of the login, if the
// page that offered it was shown in this very login, and the user authenticated
// recently.
func (h *Handler) linking(v *visit, j *relying.Journey, login *session.Login, token string) (bool, error) {
	ctx := v.r.Context()
	account := contract.Account.Path()
	if login == nil {
		web.Redirect(v.w, contract.Login.Path()+"?return="+url.QueryEscape(account))
		return false, nil
	}
	userauth.Note(ctx, login)
	v.back = account
	err := h.Forms.Check(ctx, v.r, upstream.LinkPurpose(v.upstream.ID, login.ID), token)
	if errors.Is(err, websec.ErrForm) {
		v.tell(http.StatusBadRequest, web.UpstreamLost(account), oauth.InvalidRequest, err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !userauth.Fresh(login.AuthTime, h.Now(ctx)) {
		return false, h.confirm(v, login)
	}
	j.Login, j.Subject, j.Return, j.To = login.ID, login.Subject, account, ""
	return true, nil
}

// confirm sends a user to authenticate again, and back to the page where they can ask
// for the same once more.
func (h *Handler) confirm(v *visit, login *session.Login) error {
	account := contract.Account.Path()
	q := url.Values{"return": {account + "?open=" + web.OpenWays}, "why": {"confirm"}}
	user, err := h.Flow.Browser.User(v.r.Context(), login)
	switch {
	case err == nil:
		q.Set("login_hint", user.UserName)
	case !errors.Is(err, userauth.ErrSignedOut):
		return err
	}
	web.Redirect(v.w, contract.Login.Path()+"?"+q.Encode())
	return nil
}

// invited makes j a journey that follows an invitation, if it is good.
func (h *Handler) invited(v *visit, j *relying.Journey, text string) (bool, error) {
	_, err := h.OneTime.Open(v.r.Context(), text, onetime.Invite)
	if err != nil {
		return false, v.uninvited(err)
	}
	j.Invite, j.Return, j.To = text, contract.Account.Path(), ""
	v.back = invitation(text)
	return true, nil
}

func invitation(text string) string {
	return contract.Enroll.Path() + "?" + onetime.Parameter + "=" + url.QueryEscape(text)
}

// uninvited answers with a page that tells what is wrong with an invitation.
func (v *visit) uninvited(err error) error {
	switch {
	case errors.Is(err, onetime.ErrUnknown):
		v.tell(http.StatusNotFound, web.UnknownLink(true), oauth.InvalidGrant, err)
	case errors.Is(err, onetime.ErrExpired):
		v.tell(http.StatusGone, web.ExpiredLink(true), oauth.InvalidGrant, err)
	case errors.Is(err, onetime.ErrUsed):
		v.tell(http.StatusGone, web.UsedLink(), oauth.InvalidGrant, err)
	default:
		return err
	}
	return nil
}

// failed answers with a page if the upstream is the reason why a sign-in failed.
func (v *visit) failed(err error) error {
	why, ok := errors.AsType[*relying.Error](err)
	if !ok {
		return err
	}
	name := v.upstream.Name
	why = &relying.Error{Reason: fmt.Sprintf("%s: %s", v.upstream.ID, why.Reason), Code: why.Code, Temporary: why.Temporary, Err: why.Err}
	switch {
	case why.Denied():
		v.tell(http.StatusForbidden, web.UpstreamDenied(name, v.back), oauth.AccessDenied, why)
	case why.Temporary:
		v.tell(http.StatusServiceUnavailable, web.UpstreamDown(name, v.back, v.reference()), oauth.TemporarilyUnavailable, why)
	default:
		v.tell(http.StatusBadRequest, web.UpstreamFailed(name, v.back, v.reference()), oauth.InvalidGrant, why)
	}
	return nil
}
