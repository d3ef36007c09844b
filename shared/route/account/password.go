package account

import (
	"errors"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// showPassword asks for a new password.
func (v *visit) showPassword(problem string) error {
	u, err := v.user()
	if err != nil {
		return err
	}
	token, err := v.Forms.Token(v.r.Context(), v.w, v.r, purpose(v.login))
	if err != nil {
		return err
	}
	return v.answer(web.SetPassword{CSRF: token, UserName: u.UserName, Has: u.HasPassword(), Problem: problem}, problem)
}

// setPassword sets the password that the user typed. When it replaces another
// password all sessions end, so that a person who knew the old one has no access.
// This browser stays signed in, with the amr and auth_time that it had.
func (v *visit) setPassword() error {
	ended, err := v.Credentials.SetPassword(v.r.Context(), v.change(), v.r.PostForm.Get("password"))
	if weak, ok := errors.AsType[*admin.WeakError](err); ok {
		v.note(err)
		return v.showPassword(web.WeakPassword(weak.Reason))
	}
	if err != nil {
		return err
	}
	if ended == nil {
		return v.done(donePassword)
	}
	err = v.Flow.SignIn(v.w, v.r, signin.Proof{
		User: ended, AMR: v.login.AMR, AuthTime: v.login.AuthTime, Return: contract.Account.Path() + "?done=" + donePassword,
	})
	if errors.Is(err, session.ErrStale) {
		return identity.ErrEnded // another request ended all sessions right after this one
	}
	return err
}

// removePassword removes the password, if there is another way to sign in.
func (v *visit) removePassword() error {
	return v.removed(v.Credentials.RemovePassword(v.r.Context(), v.change()), doneNoPassword)
}

// removed answers the removal of a way to sign in.
func (v *visit) removed(err error, what string) error {
	if errors.Is(err, credential.ErrLast) {
		return v.refuse(web.LastWay, err)
	}
	if err != nil {
		return err
	}
	return v.done(what)
}
