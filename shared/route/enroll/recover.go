package enroll

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// asksCode reports whether a code of the authenticator app is needed with the link.
func (v *visit) asksCode() bool { return v.user.OTP && !v.ticket.ResetOTP }

// recover takes the choice of an existing user. The parameter formErr is the error
// of the form token, nil for a valid form.
func (h *Handler) recover(v *visit, formErr error) error {
	if formErr != nil {
		return h.refused(v, web.Choose{}, &problem{text: web.ExpiredForm, why: formErr})
	}
	c, err := h.chosen(v, v.user.UserName, v.user.Name, v.user.Email)
	if p, ok := errors.AsType[*problem](err); ok {
		return h.refused(v, web.Choose{}, p)
	}
	if err != nil {
		return err
	}
	// A passkey that was made is kept while the user corrects the code.
	page := web.Choose{Made: c.made}
	code, err := h.code(v)
	if p, ok := errors.AsType[*problem](err); ok {
		return h.refused(v, page, p)
	}
	if err != nil {
		return err
	}
	err = h.Credentials.Recover(v.ctx(), v.user, v.ticket, c.Choice, accepted(code), httpapi.RequestID(v.ctx()))
	switch {
	case errors.Is(err, session.ErrStale), errors.Is(err, session.ErrUnknown), errors.Is(err, onetime.ErrUsed):
		return h.lost(v, err, func() error { return h.choose(v, http.StatusConflict, web.Choose{Problem: web.TryAgain}) })
	case errors.Is(err, passkey.ErrRefused):
		return h.refused(v, web.Choose{}, &problem{text: web.UnusablePasskey, why: err})
	case errors.Is(err, otp.ErrUsed):
		h.Codes.Refused(v.r, v.user)
		return h.refused(v, page, wrongCode(err))
	case err != nil:
		return err
	}
	return h.signIn(v, c, code)
}

// code validates the code that is needed with the link. It returns nil when none is
// needed. The error is a *problem, or a fault of ours.
func (h *Handler) code(v *visit) (*signin.Code, error) {
	if !v.asksCode() {
		return nil, nil // none is needed
	}
	code, err := h.Codes.Check(v.r, v.user, v.r.PostForm.Get("code"))
	if httpapi.Limited(err) {
		return nil, &problem{text: web.TooManyTries, why: err}
	}
	if errors.Is(err, signin.ErrCode) {
		return nil, wrongCode(err)
	}
	return code, err
}

// accepted is the code that the transaction uses up, nil for none.
func accepted(code *signin.Code) *otp.Accepted {
	if code == nil {
		return nil
	}
	return code.Accepted
}

func wrongCode(why error) *problem { return &problem{text: web.WrongCode, field: "code", why: why} }

// signIn signs the user in with the authenticator of the choice.
func (h *Handler) signIn(v *visit, c *choice, code *signin.Code) error {
	user, err := h.People.Get(v.ctx(), v.user.Subject)
	if err != nil {
		return err
	}
	p := signin.Proof{User: user, AMR: c.amr}
	if code != nil {
		_, p.Remember = signin.KnownBrowser(v.r)
		code.Succeeded(v.ctx(), p.Remember)
		if c.Passkey == nil {
			p.AMR = signin.SecondStep(c.amr)
		}
	}
	return h.finish(v, p)
}

// finish signs the user in. If another request ends all sessions at the same time,
// the user is sent to sign in with the new authenticator.
func (h *Handler) finish(v *visit, p signin.Proof) error {
	err := h.Flow.SignIn(v.w, v.r, p)
	if errors.Is(err, session.ErrStale) {
		signin.StartOver(v.w, v.r, "", "", err)
		return nil
	}
	return err
}
