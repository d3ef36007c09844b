package signin

import (
	"errors"
	"net/http"
	"slices"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Continue takes the form of the page of the second step, which [Flow.SignIn] has
// shown: step, code, return and to. It signs the user in if the code is right. The
// caller has checked that the form is from a page of ours.
func (f *Flow) Continue(w http.ResponseWriter, r *http.Request, c *Codes) error {
	ctx, form := r.Context(), r.PostForm
	first, err := f.read(ctx, r, form.Get("step"))
	if errors.Is(err, errStep) {
		StartOver(w, r, form.Get("return"), form.Get("to"), err)
		return nil
	}
	if err != nil {
		return err
	}
	user, err := c.OTP.People.Get(ctx, first.Subject)
	if err != nil && !errors.Is(err, identity.ErrUnknown) {
		return err
	}
	if !first.stands(user) {
		StartOver(w, r, form.Get("return"), form.Get("to"), errChanged)
		return nil
	}
	httpapi.Note(ctx).Subject = user.Subject
	_, name := KnownBrowser(r)
	err = f.second(w, r, c, first, Proof{User: user, Return: form.Get("return"), To: form.Get("to"), Remember: name})
	if errors.Is(err, session.ErrStale) {
		StartOver(w, r, form.Get("return"), form.Get("to"), err)
		return nil
	}
	if httpapi.Limited(err) || errors.Is(err, ErrCode) {
		return f.refuse(w, r, user.UserName, err)
	}
	return err
}

// errChanged is returned when the first step has to be judged once more.
var errChanged = errors.New("the person has changed since the first step")

// stands reports whether the first step still counts: no credential of the user has
// changed since, and their sessions have not all been ended.
func (s *step) stands(u *identity.User) bool {
	return u != nil && !u.Disabled && u.OTP && u.AuthGen == s.AuthGen && u.Credentials == s.Credentials
}

// second judges the code and signs the user in with it.
func (f *Flow) second(w http.ResponseWriter, r *http.Request, c *Codes, first *step, p Proof) error {
	ctx := r.Context()
	code, err := c.Check(r, p.User, r.PostForm.Get("code"))
	if err != nil {
		return err
	}
	p.AMR, p.Also = SecondStep(first.AMR), []dynamo.Write{code.Use}
	err = f.complete(w, r, p)
	if errors.Is(err, otp.ErrUsed) {
		c.Refused(r, p.User)
		return errors.Join(ErrCode, err)
	}
	if err != nil {
		return err
	}
	code.Succeeded(ctx, p.Remember)
	if code.Method == otp.MethodRecovery {
		web.Render(w, http.StatusOK, web.CodesLeft(code.Left, Destination(p.Return)))
		return nil
	}
	web.Redirect(w, Destination(p.Return))
	return nil
}

// SecondStep returns the authentication methods of a user who has proved amr, and then
// a code.
func SecondStep(amr []string) []string {
	return append(slices.Clone(amr), oauth.AMROTP, oauth.AMRMultiple)
}

// refuse shows the page of the second step once more.
func (f *Flow) refuse(w http.ResponseWriter, r *http.Request, who string, why error) error {
	form := r.PostForm
	page := web.SecondStep{
		Step: form.Get("step"), Who: who, Problem: web.WrongCode,
		Return: Destination(form.Get("return")), To: Source(form.Get("return"), form.Get("to")),
	}
	var status int
	if status, page.RetryAfter = httpapi.Again(w, r, oauth.InvalidGrant, why); httpapi.Limited(why) {
		page.Problem = web.TooManyTries
	}
	web.Render(w, status, page)
	return nil
}
