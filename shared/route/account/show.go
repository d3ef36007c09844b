package account

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/web"
)

// open shows the page that the query parameter "open" names. A page that leads to a
// change holds a challenge or a secret, so it is shown only after a recent sign-in.
func (v *visit) open(page string) error {
	pages := map[string]func(string) error{
		web.OpenPasskey: v.showPasskey, web.OpenPassword: v.showPassword, web.OpenOTP: v.showOTP, web.OpenCodes: v.showCodes,
	}
	show, ok := pages[page]
	if !ok {
		return v.show("")
	}
	if !v.fresh() {
		return v.confirm(page)
	}
	err := show("")
	if errors.Is(err, userauth.ErrSignedOut) {
		return v.signIn()
	}
	return err
}

// The values of the query parameter "done" name the last change. Any site can link
// to such an address. Its only effect is the text on the page.
const (
	doneEnd            = "end"
	doneEndOthers      = "end-others"
	doneEndApp         = "end-app"
	donePasskey        = "passkey"
	doneRenamed        = "passkey-renamed"
	donePasskeyRemoved = "passkey-removed"
	donePassword       = "password"
	doneNoPassword     = "password-removed"
	doneOTP            = "app"
	doneOTPRemoved     = "app-removed"
	doneUnlinked       = "unlinked"
)

var notices = map[string]string{
	doneEnd:            web.SessionEnded,
	doneEndOthers:      web.OtherSessionsEnded,
	doneEndApp:         web.AccessRemoved,
	donePasskey:        web.PasskeyAdded,
	doneRenamed:        web.PasskeyRenamed,
	donePasskeyRemoved: web.PasskeyRemoved,
	donePassword:       web.PasswordSaved,
	doneNoPassword:     web.PasswordRemoved,
	doneOTP:            web.AppAdded,
	doneOTPRemoved:     web.AppRemoved,
	web.DoneLinked:     web.AccountConnected,
	doneUnlinked:       web.AccountDisconnected,
}

// notice is the first text of the page when there is no problem.
func (v *visit) notice() string {
	q := v.r.URL.Query()
	if page := q.Get("open"); (page == web.OpenWays || page == web.OpenSessions) && v.fresh() {
		return web.Confirmed
	}
	return notices[q.Get("done")]
}

// show answers with the account page, and with 400 when there is a problem.
func (v *visit) show(problem string) error {
	ctx := v.r.Context()
	user, err := v.user()
	if err == nil {
		err = v.Browser.Use(v.r, v.login)
	}
	if errors.Is(err, userauth.ErrSignedOut) {
		return v.signIn()
	}
	if err != nil {
		return err
	}
	page := web.Account{Name: user.Name, UserName: user.UserName, Email: user.Email, Problem: problem, Now: v.Now(ctx)}
	if page.CSRF, err = v.Forms.Token(ctx, v.w, v.r, purpose(v.login)); err != nil {
		return err
	}
	if err := v.fill(ctx, &page, user); err != nil {
		return err
	}
	if problem == "" && v.r.Method != http.MethodPost {
		page.Notice = v.notice()
	}
	return v.answer(page, problem)
}

// fill adds the data of the user to the page.
func (v *visit) fill(ctx context.Context, page *web.Account, user *identity.User) error {
	ways, err := v.Credentials.Ways(ctx, user)
	if err != nil {
		return err
	}
	if page.Ways, err = v.shown(ctx, ways); err != nil {
		return err
	}
	items, err := v.Sessions.List(ctx, v.login.Subject)
	if err != nil {
		return err
	}
	if page.Sessions, err = v.sessions(ctx, items); err != nil {
		return err
	}
	if page.Apps, err = v.apps(ctx, items); err != nil {
		return err
	}
	page.Activity, err = v.activity(ctx, ways)
	return err
}
