package account

import (
	"errors"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/identity/otp/qr"
	"github.com/tipstaff/tipstaff/shared/web"
)

// setupLife is how long a person may take from the picture to the code.
const setupLife = 15 * time.Minute

// A set-up is the secret that the page shows and the token of a form about it: it
// proves that the secret is one that we made, for this login, in this browser, and
// when. So nobody gives the person an app whose secret somebody else knows. Nothing is
// stored until the code has come.
func (v *visit) setupPurpose(secret otp.Secret) string {
	return purpose(v.login) + " authenticator app " + secret.Text()
}

// newSetup is what the form of a new secret carries.
func (v *visit) newSetup(secret otp.Secret) (string, error) {
	token, err := v.Forms.Token(v.r.Context(), v.w, v.r, v.setupPurpose(secret))
	return secret.Text() + "." + token, err
}

// errSetup says that a set-up is not ours, or of too long ago.
var errSetup = errors.New("the set-up was not begun here, or too long ago")

// setup returns the secret that a form carries, or errSetup.
func (v *visit) setup(text string) (otp.Secret, error) {
	typed, token, _ := strings.Cut(text, ".")
	secret, err := otp.ParseSecret(typed)
	if err != nil {
		return secret, errSetup
	}
	made, err := v.Forms.Made(v.r.Context(), v.r, v.setupPurpose(secret), token)
	if errors.Is(err, websec.ErrForm) || err == nil && v.Now(v.r.Context()).Sub(made) > setupLife {
		return secret, errSetup
	}
	return secret, err
}

// showOTP begins the set-up of an app, with a secret of its own each time.
func (v *visit) showOTP(problem string) error {
	u, err := v.user()
	if err != nil {
		return err
	}
	if u.OTP {
		return v.done(doneOTP)
	}
	secret := otp.NewSecret()
	setup, err := v.newSetup(secret)
	if err != nil {
		return err
	}
	return v.picture(u, secret, web.AddOTP{Setup: setup, Problem: problem})
}

// picture shows the page with a secret.
func (v *visit) picture(u *identity.User, secret otp.Secret, page web.AddOTP) error {
	var err error
	if page.CSRF, err = v.Forms.Token(v.r.Context(), v.w, v.r, purpose(v.login)); err != nil {
		return err
	}
	page.URI, page.Secret = secret.URI(v.Issuer, u.UserName), secret.Typed()
	if page.Path, page.Size, err = qr.Path(page.URI); err != nil {
		return err
	}
	return v.answer(page, page.Problem)
}

// addOTP gives the person the app that shows the code. The recovery codes stand on
// the answer and nowhere else.
func (v *visit) addOTP() error {
	setup := v.r.PostForm.Get("setup")
	secret, err := v.setup(setup)
	if errors.Is(err, errSetup) {
		v.note(err)
		return v.showOTP(web.ExpiredSetup)
	}
	if err != nil {
		return err
	}
	codes, err := v.Credentials.AddApp(v.r.Context(), v.change(), secret, v.r.PostForm.Get("code"))
	switch {
	case errors.Is(err, otp.ErrExists): // in another tab, or by this form, sent twice
		return v.done(doneOTP)
	case errors.Is(err, otp.ErrWrong):
		v.note(err)
		user, err := v.user()
		if err != nil {
			return err
		}
		return v.picture(user, secret, web.AddOTP{Setup: setup, Problem: web.WrongAppCode, Wrong: true})
	case err != nil:
		return err
	}
	return v.answer(web.RecoveryCodes{Codes: codes, First: true}, "")
}

// removeOTP takes the app away. It is no way in by itself, so it can always go.
func (v *visit) removeOTP() error {
	err := v.Credentials.RemoveApp(v.r.Context(), v.change())
	if err != nil && !errors.Is(err, otp.ErrNone) { // in another tab
		return err
	}
	return v.done(doneOTPRemoved)
}

// showCodes asks whether the recovery codes are to be made anew.
func (v *visit) showCodes(problem string) error {
	u, err := v.user()
	if err != nil {
		return err
	}
	if !u.OTP {
		return v.showOTP(problem)
	}
	state, err := v.Credentials.Apps.State(v.r.Context(), u.Subject)
	if err != nil {
		return err
	}
	token, err := v.Forms.Token(v.r.Context(), v.w, v.r, purpose(v.login))
	if err != nil {
		return err
	}
	return v.answer(web.NewCodes{CSRF: token, Left: state.CodesLeft}, problem)
}

// newCodes makes new recovery codes and shows them.
func (v *visit) newCodes() error {
	codes, err := v.Credentials.RecoveryCodes(v.r.Context(), v.change())
	if errors.Is(err, otp.ErrNone) {
		return v.done(doneOTPRemoved)
	}
	if err != nil {
		return err
	}
	return v.answer(web.RecoveryCodes{Codes: codes}, "")
}
