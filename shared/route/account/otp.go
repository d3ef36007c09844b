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

// setupLife is the time that the user has from the QR code to the first code.
const setupLife = 15 * time.Minute

// setupPurpose is the purpose of the token of a set-up. A set-up is the secret that
// the page shows and a form token for it. The token proves that this server made the
// secret for this session in this browser, and when. So an attacker cannot make the
// user set up an app with a secret that the attacker knows. Nothing is stored until
// the user has sent a valid code.
func (v *visit) setupPurpose(secret otp.Secret) string {
	return purpose(v.login) + " authenticator app " + secret.Text()
}

// newSetup returns the set-up that the form of a new secret carries.
func (v *visit) newSetup(secret otp.Secret) (string, error) {
	token, err := v.Forms.Token(v.r.Context(), v.w, v.r, v.setupPurpose(secret))
	return secret.Text() + "." + token, err
}

// errSetup is returned when a set-up was not made for this session and browser, or
// is older than setupLife.
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

// showOTP begins the set-up of an authenticator app, with a new secret each time.
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

// picture shows the page with the QR code of a secret.
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

// addOTP stores the authenticator app when its first code is valid. The recovery
// codes are shown in this response only.
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

// removeOTP removes the authenticator app. An app alone is no way to sign in, so it
// can be removed always.
func (v *visit) removeOTP() error {
	err := v.Credentials.RemoveApp(v.r.Context(), v.change())
	if err != nil && !errors.Is(err, otp.ErrNone) { // in another tab
		return err
	}
	return v.done(doneOTPRemoved)
}

// showCodes asks the user to confirm that new recovery codes replace the old ones.
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

// newCodes replaces the recovery codes and shows the new ones.
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
