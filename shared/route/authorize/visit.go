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

// paramSince is a parameter of our own in the way back from the sign-in: a token
// that says when this browser first came with this request. A sign-in after that
// is a new one for it, and a pushed request was brought in time.
const paramSince = "since"

// visit is one arrival of a browser with a request.
type visit struct {
	*Handler
	w http.ResponseWriter
	r *http.Request
	// query is the request as the browser carries it, in one spelling, and
	// since the token that it may have beside it.
	query, since string
	decision     decision
	request      *authrequest.Request
	// pushed is the request_uri, empty for a request that was not pushed.
	pushed string
}

// decide finds out whether the client gets in, and returns the code if it does.
// Without one it has shown a page, or sent the browser to sign in. An *oauth.Error
// is for the client.
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

// login returns the login of the browser if it is as new and as strong as the client
// wants it, and nil if the person has to sign in. An *oauth.Error is for the client.
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
		return nil, nil // signed out a moment ago
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// fit reports whether a login is as new and as strong as the client wants it. One
// that is newer than the request is always new enough, or a person who signs in
// would be asked for ever; and if it is not strong enough, asking again would not
// make it so, and the client is told.
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

// recent reports whether the client takes a login as old as this one.
func (v *visit) recent(l *session.Login) bool {
	p := v.request.Prompt
	return !p.Login && !p.SelectAccount && (!v.request.Aged || v.Now(v.r.Context()).Sub(l.AuthTime) <= v.request.MaxAge)
}

// choosy reports whether the client does not take every login.
func (v *visit) choosy() bool {
	r := v.request
	return r.Prompt.Login || r.Prompt.SelectAccount || r.Aged || r.ACR != ""
}

// arrived is when the browser first came with the request, as the token proves it,
// and zero when it brings none.
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

// again is the query with which the browser comes back, with a token in it if it
// matters when it came.
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

// signIn sends the browser to sign in and come back.
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

// expected refuses a login of somebody else than the client means, when nobody may
// be asked who they are.
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

// code makes the code. A pushed request is used up by it.
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
