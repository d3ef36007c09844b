// Package signin signs users in who have proved who they are.
//
// There are many ways to prove it: a password, a passkey, an account at an upstream,
// a one-time link. All of them end here, at one [Flow], so that no route can forget
// what holds for every sign-in:
//
//   - A user with an authenticator app who has proved one thing only is asked for a
//     code first. Until the code is right there is no session, only a sealed note of
//     how far the sign-in has come, which is good in this browser for five minutes.
//   - The cookie is new at every sign-in. The value before it opens nothing any more.
//   - What hangs on the browser's session stays when the same user signs in once
//     more, and ends when another user does.
//   - The browser is sent on to one of our own pages and to no other place.
//
// Who is signed in already is the question of package userauth, which also owns the
// cookie.
package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Flow signs users in at their browsers. It is safe for concurrent use.
type Flow struct {
	// Browser has the login sessions.
	Browser *userauth.Browser
	// Steps seals the state of a sign-in, under the kind [opaque.SignInStep].
	Steps *opaque.Box
	Now   func(context.Context) time.Time
}

// Proof is what a user has proved about their identity, and the destination.
type Proof struct {
	// User is the user as the caller read them before the proof was judged.
	User *identity.User
	// AMR are the authentication methods (RFC 8176), and AuthTime is the time of
	// authentication; zero is now.
	AMR      []string
	AuthTime time.Time
	// Also are writes that happen with the sign-in or not at all, as in
	// [session.NewLogin]. A sign-in that still lacks a second step has none.
	Also []dynamo.Write
	// Return is the page that the browser asks for afterwards, and To the source that
	// the page may lead on to. Neither is trusted.
	Return, To string
	// Remember is the name by which the user's throttle knows the browser from now on.
	// An empty name leaves it as it is.
	Remember string
}

// SignIn signs a user in at the browser of the request and sends it on, or asks for
// the second step, or tells a disabled user that they are disabled. That would tell
// too much where a password may be guessed; there the caller checks for it first.
//
// If SignIn returns an error, it has not answered. The errors are those of
// session.CreateLogin. After [session.ErrStale] the caller reads the user and judges
// the proof once more, or calls [StartOver].
func (f *Flow) SignIn(w http.ResponseWriter, r *http.Request, p Proof) error {
	httpapi.Note(r.Context()).Subject = p.User.Subject
	switch {
	case p.User.Disabled:
		web.Render(w, http.StatusForbidden, web.SwitchedOff(httpapi.RequestID(r.Context())))
		return nil
	case p.User.OTP && !slices.Contains(p.AMR, oauth.AMRMultiple):
		return f.ask(w, r, p)
	}
	if err := f.complete(w, r, p); err != nil {
		return err
	}
	web.Redirect(w, Destination(p.Return))
	return nil
}

// complete signs a user in and sets the cookies of the browser.
func (f *Flow) complete(w http.ResponseWriter, r *http.Request, p Proof) error {
	before, err := f.Browser.Optional(r)
	if err != nil {
		return err
	}
	n := session.NewLogin{
		Subject: p.User.Subject, AuthGen: p.User.AuthGen, AuthTime: p.AuthTime, AMR: p.AMR, Also: p.Also,
		ClientInfo: session.NewClientInfo(r.RemoteAddr, r.UserAgent()), RequestID: httpapi.RequestID(r.Context()),
	}
	if n.AuthTime.IsZero() {
		n.AuthTime = f.Now(r.Context())
	}
	login, cookie, err := f.login(r.Context(), before, n)
	if err != nil {
		return err
	}
	httpapi.Note(r.Context()).Session = login.ID
	Remember(w, p.Remember)
	userauth.Keep(w, cookie)
	return nil
}

// login creates the login session of a browser that had another one before, or none.
func (f *Flow) login(ctx context.Context, before *session.Login, n session.NewLogin) (*session.Login, string, error) {
	if before != nil && before.Subject == n.Subject {
		login, cookie, err := f.Browser.Sessions.RenewLogin(ctx, before, n)
		if !errors.Is(err, session.ErrEnded) {
			return login, cookie, err
		}
		before = nil // it has just ended
	}
	login, cookie, err := f.Browser.Sessions.CreateLogin(ctx, n)
	if err != nil || before == nil {
		return login, cookie, err
	}
	_, err = f.Browser.Sessions.EndLogin(ctx, before.Subject, before.ID, session.Cause{
		Why: session.LoggedOut, Actor: n.Subject, RequestID: n.RequestID,
	})
	return login, cookie, err
}

// Remember makes the browser known by the name that [KnownBrowser] gave it, so that
// the user does not wait because of the guesses of others. An empty name leaves it as
// it is.
func Remember(w http.ResponseWriter, name string) {
	if name != "" {
		websec.SetCookie(w, websec.BrowserCookie, name, throttle.BrowserLife)
	}
}
