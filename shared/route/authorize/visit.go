package authorize

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/authrequest"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/par"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// paramSince is our own parameter in the return address of /login. It is a token that
// proves when this browser first brought this request. A sign-in after that time is
// new for the request, and a request_uri that was valid then is not expired.
const paramSince = "since"

// visit is one arrival of a browser with a request.
type visit struct {
	*Handler
	w http.ResponseWriter
	r *http.Request
	// query is the request as the browser carries it, in one canonical spelling.
	// since is the token of paramSince, if there is one.
	query, since string
	decision     decision
	request      *authrequest.Request
	// pushed is the request_uri, empty for a request that was not pushed.
	pushed string
}

// decide returns the authorization code if the request is granted. If it returns no
// code and no error it has shown a page or sent the browser to sign in. An
// *oauth.Error is for the client.
func (v *visit) decide() (code string, err error) {
	ctx := v.r.Context()
	if err := v.request.Judge(ctx, v.Audience); err != nil {
		return "", err
	}
	login, err := v.login()
	if err != nil {
		return "", err
	}
	if login == nil && v.request.Prompt.None {
		return "", oauth.Refuse(oauth.LoginRequired, "the person has to sign in")
	}
	if login == nil {
		return "", v.signIn(ctx)
	}
	allowed, err := v.allowed(ctx, login)
	if err != nil || !allowed {
		return "", err
	}
	if err := v.expected(ctx, login); err != nil {
		return "", err
	}
	return v.code(ctx, login)
}

// login returns the session of the browser if it meets max_age, prompt and acr_values
// of the request, and nil if the user has to sign in. An *oauth.Error is for the client.
func (v *visit) login() (*session.Login, error) {
	l, err := v.Browser.Optional(v.r)
	if err != nil || l == nil {
		return nil, err
	}
	fit, err := v.fit(l)
	if err != nil || !fit {
		return nil, err
	}
	err = v.Browser.Use(v.r, l)
	if errors.Is(err, userauth.ErrSignedOut) {
		return nil, nil // the session ended after it was read
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// fit reports whether a session is as recent and as strong as the client asks. A
// sign-in after the request arrived is always recent enough, because otherwise the
// user would be asked again and again. If such a sign-in is not strong enough, asking
// again does not help, and the client gets an error.
func (v *visit) fit(l *session.Login) (bool, error) {
	arrived, err := v.arrived()
	if err != nil {
		return false, err
	}
	anew := !arrived.IsZero() && !l.Proved.Before(arrived)
	switch {
	case !anew && !v.recent(l):
		return false, nil
	case v.request.ACR == "" || oauth.MeetsACR(oauth.ACR(l.AMR), v.request.ACR):
		return true, nil
	case anew:
		return false, oauth.Refuse(oauth.UnmetAuthenticationRequirements, "the person signed in, and less strongly than acr_values asks")
	case v.request.Prompt.None:
		return false, oauth.Refuse(oauth.InteractionRequired, "the person is signed in, and less strongly than acr_values asks")
	}
	return false, nil
}

// recent reports whether the sign-in is recent enough for prompt and max_age.
func (v *visit) recent(l *session.Login) bool {
	p := v.request.Prompt
	return !p.Login && !p.SelectAccount && (!v.request.Aged || v.Now(v.r.Context()).Sub(l.AuthTime) <= v.request.MaxAge)
}

// choosy reports whether the request has conditions for the sign-in.
func (v *visit) choosy() bool {
	r := v.request
	return r.Prompt.Login || r.Prompt.SelectAccount || r.Aged || r.ACR != ""
}

// arrived returns when the browser first brought the request, as its token proves. It
// is zero without a valid token.
func (v *visit) arrived() (time.Time, error) {
	if v.since == "" {
		return time.Time{}, nil
	}
	at, err := v.Forms.Made(v.r.Context(), v.r, v.purposeSince(), v.since)
	if errors.Is(err, websec.ErrForm) {
		return time.Time{}, nil
	}
	return at, err
}

func (v *visit) purposeSince() string { return "authorize since " + v.query }

// again is the query of the return address. It has a token in it when the time of
// arrival matters.
func (v *visit) again(ctx context.Context) (string, error) {
	if !v.choosy() && v.pushed == "" {
		return v.query, nil
	}
	arrived, err := v.arrived()
	if err != nil {
		return "", err
	}
	token := v.since
	if arrived.IsZero() {
		if token, err = v.Forms.Token(ctx, v.w, v.r, v.purposeSince()); err != nil {
			return "", err
		}
	}
	return v.query + "&" + url.Values{paramSince: {token}}.Encode(), nil
}

// signIn redirects the browser to /login, which returns to this request.
func (v *visit) signIn(ctx context.Context) error {
	query, err := v.again(ctx)
	if err != nil {
		return err
	}
	to := url.Values{"return": {path + "?" + query}, "to": {websec.Source(v.request.RedirectURI)}}
	if identity.ValidUserName(v.request.LoginHint) {
		to.Set("login_hint", v.request.LoginHint)
	}
	if v.request.ACR != "" {
		to.Set("acr", v.request.ACR)
	}
	web.Redirect(v.w, contract.Login.Path()+"?"+to.Encode())
	return nil
}

// expected refuses a session of another user than login_hint names when prompt=none
// forbids to ask (OIDC Core §3.1.2.6).
func (v *visit) expected(ctx context.Context, l *session.Login) error {
	hint := v.request.LoginHint
	if !v.request.Prompt.None || hint == "" {
		return nil
	}
	user, err := v.Browser.User(ctx, l)
	if errors.Is(err, userauth.ErrSignedOut) {
		return oauth.Refuse(oauth.LoginRequired, "the person has to sign in")
	}
	if err != nil {
		return err
	}
	if !strings.EqualFold(user.UserName, hint) && !strings.EqualFold(user.Email, hint) {
		return oauth.Refuse(oauth.AccountSelectionRequired, "somebody else than login_hint says is signed in")
	}
	return nil
}

// code makes the authorization code. It uses up a pushed request.
func (v *visit) code(ctx context.Context, l *session.Login) (string, error) {
	r := v.request
	code, err := v.Codes.Seal(ctx, session.Code{
		Subject: l.Subject, AuthGen: l.AuthGen, Login: l.ID, LoginEnds: l.Absolute,
		Client: session.DigestOf(r.Client.ID), RedirectURI: session.DigestOf(r.RedirectURI), Challenge: r.Challenge,
		Scope: r.Granted.Scope, Audience: r.Granted.Resources, Nonce: r.Nonce,
		AuthTime: l.AuthTime, AMR: l.AMR, JKT: r.JKT,
	})
	if errors.Is(err, session.ErrTooMuch) {
		return "", &oauth.Error{Code: oauth.InvalidRequest, Detail: "nonce, scope and resources are too long together", Err: err}
	}
	if err != nil || v.pushed == "" {
		return code, err
	}
	err = v.Pushed.Consume(ctx, v.pushed)
	if errors.Is(err, par.ErrUnknown) {
		return "", &oauth.Error{Code: oauth.InvalidRequestURI, Detail: "request_uri was used", Err: err}
	}
	return code, err
}
