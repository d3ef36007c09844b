package account

import (
	"errors"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/roster"
	"github.com/tipstaff/tipstaff/shared/item"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// The details of an entry about a password.
const (
	detailPassword  = "password"
	passwordFirst   = "first"
	passwordRemoved = "removed"
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

// setPassword gives the person the password that they typed. In place of another one
// it ends everything: whoever knew the one before is out. A first one ends nothing.
func (v *visit) setPassword() error {
	u, err := v.user()
	if err != nil {
		return err
	}
	people := &roster.Store{Store: v.People, Actor: u.Subject}
	change, err := people.Password(v.r.Context(), u, v.r.PostForm.Get("password"))
	if weak, ok := errors.AsType[*roster.WeakError](err); ok {
		v.note(err)
		return v.showPassword(web.WeakPassword(weak.Reason))
	}
	if err != nil {
		return err
	}
	if u.HasPassword() {
		return v.replacePassword(u, change)
	}
	e := v.entry(audit.UserPassword, "user#"+u.Subject, detailPassword, passwordFirst)
	// Not settled anew: who has set one in another tab meanwhile is asked again.
	if err := v.write(u, clauses{set: change.Set, values: change.Values}, e); err != nil {
		return err
	}
	return v.done(donePassword)
}

// replacePassword ends everything of the person with the password before, and keeps
// this browser in, as it was: how it signed in and when.
func (v *visit) replacePassword(u *identity.User, change roster.Change) error {
	ctx := v.r.Context()
	// What a page of before was about to change has changed.
	change.Set += ", " + identity.AttrCredentials + " = if_not_exists(" + identity.AttrCredentials + ", :none) + :one"
	change.Values[":none"], change.Values[":one"] = item.Number(0), item.Number(1)
	cause := v.cause(session.Password)
	cause.Action = audit.UserPassword
	_, err := v.Sessions.ChangeUser(ctx, u.Subject, session.UserChange(change.While(u)), cause)
	if errors.Is(err, session.ErrStale) {
		if _, err := v.user(); err != nil {
			return err
		}
		return errChanged
	}
	if err != nil {
		return err
	}
	if u, err = v.person(); err != nil {
		return err
	}
	err = v.Door.Enter(v.w, v.r, signin.Entry{
		User: u, AMR: v.login.AMR, AuthTime: v.login.AuthTime, Return: contract.Account.Paths[0] + "?done=" + donePassword,
	})
	if errors.Is(err, session.ErrStale) {
		return errEnded // something else has ended everything just after
	}
	return err
}

// removePassword takes the password away, if there is another way in.
func (v *visit) removePassword() error {
	err := v.settle(func(u *identity.User) error {
		if !u.HasPassword() {
			return nil // in another tab
		}
		w, err := v.read(v.r.Context(), u)
		if err != nil {
			return err
		}
		if err := w.removable(); err != nil {
			return err
		}
		return v.write(u, clauses{remove: identity.AttrPassword}, v.entry(audit.UserPassword, "user#"+u.Subject, detailPassword, passwordRemoved))
	})
	return v.removed(err, doneNoPassword)
}

// removed answers the removal of a way in.
func (v *visit) removed(err error, what string) error {
	if errors.Is(err, errLast) {
		return v.refuse(web.LastWay, err)
	}
	if err != nil {
		return err
	}
	return v.done(what)
}
