package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/roster"
	"github.com/tipstaff/tipstaff/shared/item"
	"github.com/tipstaff/tipstaff/shared/linked"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/ticket"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
	"github.com/tipstaff/tipstaff/shared/web"
)

// errOvertaken says that an invitation was used, or expired, since it was opened.
var errOvertaken = errors.New("the invitation is not good any more")

// newNames is how many user names somebody new is tried with.
const newNames = 6

// create puts somebody new on the roster, with the account, by an invitation if it is
// not nil. It returns errRaced when somebody came in with the account meanwhile, and
// errOvertaken.
func (h *Handler) create(v *visit, who *relying.Identity, invite *ticket.Ticket) (*identity.User, error) {
	n := roster.New{
		Subject: identity.NewSubject(h.Now()), UserName: who.Candidate(), Name: who.Name,
		SignsInWith: "account at " + v.upstream.ID, RequestID: httpapi.RequestID(v.r.Context()),
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
	link, writes, err := h.Links.Adding(n.Subject, account(v, who), nil)
	if err != nil {
		return nil, err
	}
	n.Also = append(slices.Clone(writes), h.People.Trail.Put(v.entry(n.Subject, link)))
	if invite != nil {
		n.Also = append(n.Also, invite.Use())
	}
	people := &roster.Store{Store: h.People, Actor: n.Subject}
	for range newNames {
		user, err := people.Create(v.r.Context(), n)
		other, raced := errors.AsType[*roster.AlsoError](err)
		switch {
		case errors.Is(err, roster.ErrTaken):
			n.UserName = who.Another()
		case raced && other.Index < len(writes):
			return nil, errRaced
		case raced:
			return nil, errOvertaken
		default:
			return user, err
		}
	}
	return nil, roster.ErrTaken
}

// account is what is linked.
func account(v *visit, who *relying.Identity) linked.Account {
	return linked.Account{Issuer: who.Issuer, Subject: who.Subject, Upstream: v.upstream.ID, Label: who.Label()}
}

// entry is the record of a link.
func (v *visit) entry(subject string, l *linked.Link) audit.Entry {
	return audit.Entry{
		Actor: subject, Action: audit.LinkAdd, Subject: subject, Object: linked.Prefix + l.ID,
		Outcome: audit.Success, RequestID: httpapi.RequestID(v.r.Context()), Detail: v.detail(),
	}
}

// follow lets somebody in who was invited. The invitation is not used when the
// account is somebody's already.
func (h *Handler) follow(v *visit, j *relying.Journey, who *relying.Identity) error {
	ctx := v.r.Context()
	invite, err := h.Tickets.Open(ctx, j.Invite, ticket.Invite)
	if err != nil {
		return v.uninvited(err)
	}
	_, err = h.Links.Find(ctx, who.Issuer, who.Subject)
	if err == nil {
		v.known(errRaced)
		return nil
	}
	if !errors.Is(err, linked.ErrUnknown) {
		return err
	}
	user, err := h.create(v, who, invite)
	switch {
	case errors.Is(err, errRaced):
		v.known(err)
		return nil
	case errors.Is(err, errOvertaken):
		return v.uninvited(ticket.ErrUsed)
	case err != nil:
		return err
	}
	return h.enter(v, j, who, user, nil)
}

func (v *visit) known(why error) {
	v.tell(http.StatusConflict, web.UpstreamKnown(v.upstream.Name, contract.Login.Path()), oauth.InvalidGrant, why)
}

// link gives the person who set out the account that they came back with, if it is
// still they who are signed in here.
func (h *Handler) link(v *visit, j *relying.Journey, who *relying.Identity) error {
	login, err := h.Door.Login(v.r)
	if err != nil {
		return err
	}
	if login == nil || login.ID != j.Login || login.Subject != j.Subject {
		v.tell(http.StatusBadRequest, web.UpstreamLost(v.back), oauth.InvalidGrant, relying.ErrJourney)
		return nil
	}
	note := httpapi.Note(v.r.Context())
	note.Subject, note.Session = login.Subject, login.ID
	for range tries {
		err = h.attach(v, login, who)
		if !errors.Is(err, session.ErrStale) {
			break
		}
	}
	switch {
	case err == nil, errors.Is(err, linked.ErrTwice):
		web.Redirect(v.w, contract.Account.Path()+"?done="+web.DoneLinked)
	case errors.Is(err, errTaken):
		h.refused(v, login.Subject, audit.LinkAdd, linked.Prefix+linked.ID(who.Issuer, who.Subject))
		v.tell(http.StatusConflict, web.UpstreamTaken(v.upstream.Name, v.back), oauth.AccessDenied, err)
	case errors.Is(err, linked.ErrTooMany):
		v.tell(http.StatusConflict, web.UpstreamFull(v.back), oauth.InvalidRequest, err)
	case errors.Is(err, relying.ErrJourney):
		v.tell(http.StatusBadRequest, web.UpstreamLost(v.back), oauth.InvalidGrant, err)
	case errors.Is(err, errSwitchedOff):
		v.tell(http.StatusForbidden, web.SwitchedOff(v.reference()), oauth.AccessDenied, err)
	case errors.Is(err, session.ErrStale):
		signin.Again(v.w, v.r, j.Return, "", err)
	default:
		return err
	}
	return nil
}

// The reasons not to link an account.
var (
	errTaken       = errors.New("the account is linked to another person")
	errSwitchedOff = errors.New("user is disabled")
)

// attach links an account to the person of a login. Session.ErrStale says that what
// the person signs in with has changed since it was read. A login that is about to
// end with everything of the person links nothing: it would leave a way back in.
func (h *Handler) attach(v *visit, login *session.Login, who *relying.Identity) error {
	ctx, subject := v.r.Context(), login.Subject
	user, err := h.People.Get(ctx, subject)
	if errors.Is(err, identity.ErrUnknown) || err == nil && user.Disabled {
		return errSwitchedOff
	}
	if err != nil {
		return err
	}
	if user.AuthGen != login.AuthGen {
		return fmt.Errorf("%w: everything of the person has ended", relying.ErrJourney)
	}
	have, err := h.Links.List(ctx, subject) // after the user, so that no link is missed
	if err != nil {
		return err
	}
	link, writes, err := h.Links.Adding(subject, account(v, who), have)
	if err != nil {
		return err
	}
	const placeUser = 0
	err = audit.Write(ctx, h.People.DB, slices.Concat(
		[]types.TransactWriteItem{placeUser: h.People.Changing(user, "", "", item.Item{})},
		writes, []types.TransactWriteItem{h.People.Trail.Put(v.entry(subject, link))})...)
	condition, failed := errors.AsType[*audit.ConditionError](err)
	switch {
	case !failed:
		return err
	case condition.Index == placeUser:
		return session.ErrStale
	case condition.Index <= len(writes):
		return errTaken
	}
	return err
}
