package account

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/browser"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/item"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// action is something that a form may ask for.
type action struct {
	do func(*visit) error
	// fresh is where somebody goes on who first has to confirm that it is them;
	// empty for what needs no fresh sign-in.
	fresh string
}

var actions = map[string]action{
	web.ActionEnd:            {(*visit).end, ""},
	web.ActionEndApp:         {(*visit).endApp, ""},
	web.ActionSignOut:        {(*visit).signOut, ""},
	web.ActionEndOthers:      {(*visit).endOthers, web.OpenSessions},
	web.ActionAddPasskey:     {(*visit).addPasskey, web.OpenPasskey},
	web.ActionRenamePasskey:  {(*visit).renamePasskey, web.OpenWays},
	web.ActionRemovePasskey:  {(*visit).removePasskey, web.OpenWays},
	web.ActionSetPassword:    {(*visit).setPassword, web.OpenPassword},
	web.ActionRemovePassword: {(*visit).removePassword, web.OpenWays},
	web.ActionAddOTP:         {(*visit).addOTP, web.OpenOTP},
	web.ActionRemoveOTP:      {(*visit).removeOTP, web.OpenWays},
	web.ActionNewCodes:       {(*visit).newCodes, web.OpenCodes},
	web.ActionUnlink:         {(*visit).unlink, web.OpenWays},
}

// act does what a form asks for.
func (v *visit) act(name string) error {
	a, ok := actions[name]
	if !ok {
		return oauth.Refuse(oauth.InvalidRequest, "action is unknown")
	}
	if a.fresh != "" && !v.fresh() {
		return v.confirm(a.fresh)
	}
	err := a.do(v)
	switch {
	case errors.Is(err, errEnded):
		return v.signIn()
	case errors.Is(err, errChanged):
		return v.refuse(web.ChangedMeanwhile, err)
	}
	return err
}

// fresh reports whether the person proved who they are a short while ago.
func (v *visit) fresh() bool {
	return v.Now().Sub(v.login.AuthTime) <= httpapi.FreshAuthentication
}

// confirm sends the person to prove who they are, and back to a page of ours. What
// they had asked for is not done then: they see what they are about to do, and ask
// for it once more.
func (v *visit) confirm(page string) error {
	user, err := v.person()
	if errors.Is(err, errEnded) {
		return v.signIn()
	}
	if err != nil {
		return err
	}
	q := url.Values{"return": {address("open", page)}, "login_hint": {user.UserName}, "why": {"confirm"}}
	web.Redirect(v.w, contract.Login.Path()+"?"+q.Encode())
	return nil
}

// done sends the browser back to the page, which says what was done.
func (v *visit) done(what string) error {
	web.Redirect(v.w, address("done", what))
	return nil
}

// refuse shows the account page with why something was not done.
func (v *visit) refuse(problem string, why error) error {
	v.note(why)
	return v.show(problem)
}

// note notes a refusal that is an answer of this route and no error.
func (v *visit) note(why error) {
	note := httpapi.Note(v.r.Context())
	note.Code, note.Error = string(oauth.InvalidRequest), why.Error()
}

var (
	// errEnded says that the person is not signed in any more.
	errEnded = errors.New("the person is gone, switched off or signed out")
	// errChanged says that what the person signs in with was changed by another
	// request, several times in a row.
	errChanged = errors.New("the credentials were changed meanwhile")
)

// user is person for a change, which a login can no longer make when everything of
// the person's has ended since.
func (v *visit) user() (*identity.User, error) {
	u, err := v.person()
	if err == nil && u.AuthGen != v.login.AuthGen {
		return nil, errEnded
	}
	return u, err
}

// passes is how often a change is judged anew because others were faster.
const passes = 4

// settle runs a change of what the person signs in with, which ends in v.write, and
// runs it anew, on what is true then, when something else of it was changed in
// between. So of two tabs that each remove one of the last two ways in, one is told
// that it is the last.
func (v *visit) settle(change func(*identity.User) error) error {
	for range passes {
		u, err := v.user()
		if err != nil {
			return err
		}
		if err = change(u); !errors.Is(err, errChanged) {
			return err
		}
	}
	return errChanged
}

// clauses are what a change does to the user's item, as of identity.Store.Changing.
type clauses struct {
	set, remove string
	values      item.Item
}

// write makes a change of what u signs in with: the clauses on the user's item, the
// entry, and the writes, all or nothing. It returns errChanged when u is not what
// is stored any more, and a *session.AlsoError with the place of a write whose
// condition does not hold.
func (v *visit) write(u *identity.User, c clauses, e audit.Entry, writes ...types.TransactWriteItem) error {
	all := append([]types.TransactWriteItem{
		v.People.Changing(u, c.set, c.remove, c.values),
		v.Trail.Put(e),
	}, writes...)
	err := audit.Write(v.r.Context(), v.People.DB, all...)
	condition, ok := errors.AsType[*audit.ConditionError](err)
	switch {
	case ok && condition.Index == 0:
		return errChanged
	case ok && condition.Index > 1:
		return &session.AlsoError{Index: condition.Index - 2, Item: condition.Item}
	}
	return err
}

// entry is the record of something that the person does to object, with where from.
func (v *visit) entry(a audit.Action, object string, more ...string) audit.Entry {
	return audit.Entry{
		Actor: v.login.Subject, Action: a, Subject: v.login.Subject, Object: object,
		Outcome: audit.Success, RequestID: httpapi.RequestID(v.r.Context()), Detail: v.device().Detail(more...),
	}
}

func (v *visit) device() session.Device { return session.NewDevice(v.r.RemoteAddr, v.r.UserAgent()) }

// binding ties a challenge or a set-up to this login, in this browser.
func (v *visit) binding(what string) string {
	return what + "\x00" + browser.Name(v.w, v.r) + "\x00" + v.login.ID
}

// answer renders a page, with 400 when it has a problem.
func (v *visit) answer(page web.Page, problem string) error {
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
	}
	web.Render(v.w, status, page)
	return nil
}
