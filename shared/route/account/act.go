package account

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// action is something that a form may ask for.
type action struct {
	do func(*visit) error
	// fresh is the page to return to after a user without a recent sign-in has
	// confirmed it. It is empty for an action that needs no recent sign-in.
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
	case errors.Is(err, userauth.ErrSignedOut), errors.Is(err, identity.ErrEnded):
		return v.signIn()
	case errors.Is(err, identity.ErrChanged):
		return v.refuse(web.ChangedMeanwhile, err)
	}
	return err
}

// fresh reports whether the last sign-in is recent, see [userauth.Fresh].
func (v *visit) fresh() bool {
	return userauth.Fresh(v.login.AuthTime, v.Now(v.r.Context()))
}

// confirm sends the user to /login to sign in once more, and back to a page of this
// route. The action that was asked for is not done then: the user sees the page
// of the change and asks for it once more.
func (v *visit) confirm(page string) error {
	user, err := v.user()
	if errors.Is(err, userauth.ErrSignedOut) {
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

// refuse shows the account page with the reason why an action was not done.
func (v *visit) refuse(problem string, why error) error {
	v.note(why)
	return v.show(problem)
}

// note adds a refusal to the log line when the route answers it with a page and
// returns no error.
func (v *visit) note(why error) {
	note := httpapi.Note(v.r.Context())
	note.Code, note.Error = string(oauth.InvalidRequest), why.Error()
}

// change is the change that the user asks for, for [credential.Service].
func (v *visit) change() identity.Change {
	return identity.Change{
		Subject: v.login.Subject, AuthGen: v.login.AuthGen, From: v.from().Detail(), RequestID: httpapi.RequestID(v.r.Context()),
	}
}

// user returns the signed-in user, or [userauth.ErrSignedOut].
func (v *visit) user() (*identity.User, error) { return v.Browser.User(v.r.Context(), v.login) }

// from is the address and user agent of the request.
func (v *visit) from() session.ClientInfo {
	return session.NewClientInfo(v.r.RemoteAddr, v.r.UserAgent())
}

// binding ties a challenge or a set-up to this session in this browser.
func (v *visit) binding(what string) string {
	return what + "\x00" + websec.Name(v.w, v.r) + "\x00" + v.login.ID
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
