package upstream

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/web"
)

// arrive handles the callback. It takes the journey before anything else, whatever the
// outcome is.
func (h *Handler) arrive(v *visit, id string) error {
	ctx := v.r.Context()
	j, err := h.Journeys.End(ctx, v.q.Get("state"), id, websec.Cookie(v.r, websec.FormCookie))
	if j != nil {
		v.back = cameFrom(j)
	}
	if errors.Is(err, relying.ErrJourney) {
		v.tell(http.StatusBadRequest, web.UpstreamLost(v.back), oauth.InvalidGrant, err)
		return nil
	}
	if err != nil {
		return err
	}
	if ok, err := h.find(v, id); !ok {
		return err
	}
	who, err := h.Party.Arrive(ctx, v.upstream, j, relying.ReadAnswer(v.q))
	if err != nil {
		return v.failed(err)
	}
	switch {
	case j.Login != "":
		return h.link(v, j, who)
	case j.Invite != "":
		return h.follow(v, j, who)
	}
	return h.signIn(v, j, who)
}

// cameFrom returns the path of the page on which a journey began.
func cameFrom(j *relying.Journey) string {
	switch {
	case j.Login != "":
		return contract.Account.Path()
	case j.Invite != "":
		return invitation(j.Invite)
	}
	return signInPath(j.Return, j.To)
}

// tries is how often a sign-in reads again when a concurrent change made it fail.
const tries = 3

// These are the reasons to read again, and to refuse the sign-in.
var (
	errStranger = errors.New("nobody here has linked the account")
	errOutside  = errors.New("the account has no verified address in a domain that may come in")
)

// signIn signs in the user that the account is linked to, or a new user.
func (h *Handler) signIn(v *visit, j *relying.Journey, who *relying.Identity) error {
	var err error
	for range tries {
		var user *identity.User
		var link *external.Link
		user, link, err = h.person(v, who)
		if errors.Is(err, external.ErrTaken) {
			continue
		}
		if err != nil {
			break
		}
		err = h.finish(v, j, who, user, link)
		if !errors.Is(err, external.ErrUnknown) && !errors.Is(err, session.ErrStale) {
			return err
		}
	}
	switch {
	case errors.Is(err, errStranger):
		v.tell(http.StatusForbidden, web.UpstreamNoAccount(v.upstream.Name, v.back), oauth.AccessDenied, err)
	case errors.Is(err, errOutside):
		v.tell(http.StatusForbidden, web.UpstreamOutside(v.upstream.Name, v.back, v.upstream.Domains), oauth.AccessDenied, err)
	case errors.Is(err, external.ErrUnknown), errors.Is(err, session.ErrStale), errors.Is(err, external.ErrTaken):
		signin.StartOver(v.w, v.r, j.Return, j.To, err)
	default:
		return err
	}
	return nil
}

// person returns the user of the account with the link between the two. For an account
// without a link, the rule of the upstream decides whether there is a new user, and
// the link is nil.
func (h *Handler) person(v *visit, who *relying.Identity) (*identity.User, *external.Link, error) {
	ctx := v.r.Context()
	link, err := h.Links.Find(ctx, who.Issuer, who.Subject)
	if errors.Is(err, external.ErrUnknown) {
		if err := allowed(v.upstream, who); err != nil {
			return nil, nil, err
		}
		user, err := h.create(v, who, nil)
		return user, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	user, err := h.People.Get(ctx, link.Subject)
	if errors.Is(err, identity.ErrUnknown) {
		// The user was removed. An account that was theirs does not make a new user by
		// itself.
		return nil, nil, fmt.Errorf("%w: the person was removed", errStranger)
	}
	return user, link, err
}

// allowed applies the rule of the upstream for a first sign-in.
func allowed(u *upstream.Upstream, who *relying.Identity) error {
	switch {
	case u.FirstSignIn == upstream.FirstCreate:
		return nil
	case u.FirstSignIn != upstream.FirstDomains:
		return errStranger
	case who.EmailVerified && u.Admits(who.Email):
		return nil
	}
	return errOutside
}

// finish signs in a user who has proved who they are, on the condition that the
// account is still theirs. The note for a second step carries the same condition: what
// the user signs in with must not have changed.
func (h *Handler) finish(v *visit, j *relying.Journey, who *relying.Identity, user *identity.User, link *external.Link) error {
	ctx := v.r.Context()
	p := signin.Proof{User: user, AMR: []string{oauth.AMRFederated}, AuthTime: who.AuthTime, Return: j.Return, To: j.To}
	if link != nil && !user.OTP && !user.Disabled {
		p.Also = []dynamo.Write{h.Links.Holds(link)}
	}
	if user.Disabled {
		h.refused(v, user.Subject, audit.LoginRefuse, contract.UserPrefix.Of(user.Subject))
	}
	httpapi.Note(ctx).Subject = user.Subject
	return h.Flow.SignIn(v.w, v.r, p)
}

// refused leaves an entry about an action that a known user was not allowed. Nothing
// depends on it.
func (h *Handler) refused(v *visit, subject string, action audit.Action, object string) {
	ctx := v.r.Context()
	err := h.Refusals.Record(ctx, audit.Entry{
		Actor: subject, Action: action, Subject: subject, Object: object,
		RequestID: httpapi.RequestID(ctx), Detail: v.detail(),
	})
	if err != nil {
		httpapi.Note(ctx).AuditFailures++
	}
}

// detail returns the address prefix and device of the request, with the upstream, for
// entries of the audit log.
func (v *visit) detail() map[string]string {
	return session.NewClientInfo(v.r.RemoteAddr, v.r.UserAgent()).Detail("upstream", v.upstream.ID, "method", "upstream")
}
