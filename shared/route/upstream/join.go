package upstream

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/web"
)

// create makes a new user with the account, by an invitation if it is not nil.
// [external.ErrTaken] is returned when another user was linked to the account in
// between, and [onetime.ErrUsed] when the invitation was used.
func (h *Handler) create(v *visit, who *relying.Identity, invite *onetime.Link) (*identity.User, error) {
	ctx := v.r.Context()
	n := admin.New{
		Subject: identity.NewSubject(h.Now(ctx)), UserName: who.Candidate(), Name: who.Name,
		SignsInWith: "account at " + v.upstream.ID, RequestID: httpapi.RequestID(ctx),
	}
	if who.EmailVerified {
		n.Email, n.EmailVerified = who.Email, true
	}
	if invite != nil {
		n.Subject, n.Inviter = invite.Subject, invite.Actor
		n.UserName, n.Name = cmp.Or(invite.UserName, n.UserName), cmp.Or(invite.Name, n.Name)
		if invite.Email != "" {
			n.Email, n.EmailVerified = invite.Email, invite.EmailVerified
		}
	}
	return h.Links.Create(ctx, v.change(n.Subject, 0), n, account(v, who), invite, who.Another)
}

// change is a change of a user's credentials by this request.
func (v *visit) change(subject string, authGen int64) identity.Change {
	return identity.Change{
		Subject: subject, AuthGen: authGen,
		From: v.detail(), RequestID: httpapi.RequestID(v.r.Context()),
	}
}

// account returns the account that is linked.
func account(v *visit, who *relying.Identity) external.Account {
	return external.Account{Issuer: who.Issuer, Subject: who.Subject, Upstream: v.upstream.ID, Label: who.Label()}
}

// follow signs in an invited user. The invitation is not used if the account is linked
// already.
func (h *Handler) follow(v *visit, j *relying.Journey, who *relying.Identity) error {
	ctx := v.r.Context()
	invite, err := h.OneTime.Open(ctx, j.Invite, onetime.Invite)
	if err != nil {
		return v.uninvited(err)
	}
	_, err = h.Links.Find(ctx, who.Issuer, who.Subject)
	if err == nil {
		v.known(external.ErrTaken)
		return nil
	}
	if !errors.Is(err, external.ErrUnknown) {
		return err
	}
	user, err := h.create(v, who, invite)
	switch {
	case errors.Is(err, external.ErrTaken):
		v.known(err)
		return nil
	case errors.Is(err, onetime.ErrUsed):
		return v.uninvited(onetime.ErrUsed)
	case err != nil:
		return err
	}
	return h.finish(v, j, who, user, nil)
}

func (v *visit) known(why error) {
	v.tell(http.StatusConflict, web.UpstreamKnown(v.upstream.Name, contract.Login.Path()), oauth.InvalidGrant, why)
}

// link links the account to the user who began the journey, if that user is still
// signed in here.
func (h *Handler) link(v *visit, j *relying.Journey, who *relying.Identity) error {
	login, err := h.Flow.Browser.Optional(v.r)
	if err != nil {
		return err
	}
	if login == nil || login.ID != j.Login || login.Subject != j.Subject {
		v.tell(http.StatusBadRequest, web.UpstreamLost(v.back), oauth.InvalidGrant, relying.ErrJourney)
		return nil
	}
	userauth.Note(v.r.Context(), login)
	err = h.Links.Link(v.r.Context(), v.change(login.Subject, login.AuthGen), account(v, who))
	switch {
	case err == nil, errors.Is(err, external.ErrTwice):
		web.Redirect(v.w, contract.Account.Path()+"?done="+web.DoneLinked)
	case errors.Is(err, external.ErrTaken):
		h.refused(v, login.Subject, audit.LinkAdd, contract.ExternalAccountPrefix.Of(external.ID(who.Issuer, who.Subject)))
		v.tell(http.StatusConflict, web.UpstreamTaken(v.upstream.Name, v.back), oauth.AccessDenied, err)
	case errors.Is(err, external.ErrTooMany):
		v.tell(http.StatusConflict, web.UpstreamFull(v.back), oauth.InvalidRequest, err)
	case errors.Is(err, identity.ErrEnded):
		return h.ended(v, login, err)
	case errors.Is(err, identity.ErrChanged):
		signin.StartOver(v.w, v.r, j.Return, "", err)
	default:
		return err
	}
	return nil
}

// ended answers a user who cannot link an account with this login any more, because
// they are disabled or all their sessions were ended. A login that is about to end
// links nothing: the link would be a way back in.
func (h *Handler) ended(v *visit, login *session.Login, why error) error {
	user, err := h.People.Get(v.r.Context(), login.Subject)
	switch {
	case errors.Is(err, identity.ErrUnknown) || err == nil && user.Disabled:
		v.tell(http.StatusForbidden, web.SwitchedOff(v.reference()), oauth.AccessDenied, why)
	case err != nil:
		return err
	default:
		v.tell(http.StatusBadRequest, web.UpstreamLost(v.back), oauth.InvalidGrant, why)
	}
	return nil
}
