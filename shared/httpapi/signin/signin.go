// Package signin lets people in who have proved who they are.
//
// There are many ways to prove it: a password, a passkey, an account elsewhere, a
// one-time link. All of them end here, at one Door, so that no route can forget
// what holds for every sign-in:
//
//   - Who has an authenticator app and has proved one thing only is asked for a
//     code first. Until it is right there is no session, only a sealed note of how
//     far the sign-in has come, which is good in this browser for five minutes.
//   - The cookie is new at every sign-in. Whoever knew the one before knows nothing
//     any more.
//   - What hangs on the browser's session stays when the same person signs in once
//     more, and ends when it is somebody else.
//   - The browser is sent on to one of our own pages and nowhere else.
package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Flow is where people come in. It is safe for concurrent use.
type Flow struct {
	Sessions *session.Store
	// Steps seals how far a sign-in has come, under the kind handle.SignInStep.
	Steps *opaque.Box
	Now   func(context.Context) time.Time
}

// Proof is somebody who has proved who they are.
type Proof struct {
	// User is who it is, as the caller read them before the proof was judged.
	User *identity.User
	// AMR is how they proved it (RFC 8176), and AuthTime when; zero is now.
	AMR      []string
	AuthTime time.Time
	// Also are writes that happen with the sign-in or not at all, as of
	// session.NewLogin. Nothing that still lacks a second step has any.
	Also []dynamo.Write
	// Return is where the browser asks to go afterwards, and To the source of
	// where that may lead on to. Both may be anything that a stranger wrote.
	Return, To string
	// Remember is the name by which the browser is known from now on to the
	// person's throttle; empty leaves it as it is.
	Remember string
}

// SignIn signs a person in at the browser of the request and sends it on, or asks for
// the second step, or tells a person who is switched off that they are. A caller to
// whom that would tell too much, because a password may be guessed, looks first.
//
// Unless it returns nil, it has not answered. The errors are those of
// session.CreateLogin: at session.ErrStale the caller reads the user and judges the
// proof anew, or shows Again.
func (d *Flow) SignIn(w http.ResponseWriter, r *http.Request, e Proof) error {
	httpapi.Note(r.Context()).Subject = e.User.Subject
	switch {
	case e.User.Disabled:
		web.Render(w, http.StatusForbidden, web.SwitchedOff(httpapi.RequestID(r.Context())))
		return nil
	case e.User.OTP && !slices.Contains(e.AMR, oauth.AMRMultiple):
		return d.ask(w, r, e)
	}
	if err := d.complete(w, r, e); err != nil {
		return err
	}
	web.Redirect(w, Destination(e.Return))
	return nil
}

// Login is the live login of the browser, nil when nobody is signed in there.
func (d *Flow) Login(r *http.Request) (*session.Login, error) {
	l, err := d.Sessions.LoginByCookie(r.Context(), websec.Cookie(r, websec.SessionCookie))
	if errors.Is(err, session.ErrEnded) {
		return nil, nil // nobody is signed in
	}
	return l, err
}

// complete signs a person in and gives the browser its cookies.
func (d *Flow) complete(w http.ResponseWriter, r *http.Request, e Proof) error {
	before, err := d.Login(r)
	if err != nil {
		return err
	}
	n := session.NewLogin{
		Subject: e.User.Subject, AuthGen: e.User.AuthGen, AuthTime: e.AuthTime, AMR: e.AMR, Also: e.Also,
		ClientInfo: session.NewClientInfo(r.RemoteAddr, r.UserAgent()), RequestID: httpapi.RequestID(r.Context()),
	}
	if n.AuthTime.IsZero() {
		n.AuthTime = d.Now(r.Context())
	}
	login, cookie, err := d.login(r.Context(), before, n)
	if err != nil {
		return err
	}
	httpapi.Note(r.Context()).Session = login.ID
	Remember(w, e.Remember)
	websec.SetCookie(w, websec.SessionCookie, cookie, session.LoginLife)
	return nil
}

// login makes the login of a browser that had another one before, or none.
func (d *Flow) login(ctx context.Context, before *session.Login, n session.NewLogin) (*session.Login, string, error) {
	if before != nil && before.Subject == n.Subject {
		login, cookie, err := d.Sessions.RenewLogin(ctx, before, n)
		if !errors.Is(err, session.ErrEnded) {
			return login, cookie, err
		}
		before = nil // it ended a moment ago
	}
	login, cookie, err := d.Sessions.CreateLogin(ctx, n)
	if err != nil || before == nil {
		return login, cookie, err
	}
	_, err = d.Sessions.EndLogin(ctx, before.Subject, before.ID, session.Cause{
		Why: session.LoggedOut, Actor: n.Subject, RequestID: n.RequestID,
	})
	return login, cookie, err
}

// Remember makes the browser known by the name that Device gave it, so that its owner
// does not wait behind the guesses of strangers. An empty name leaves it as it is.
func Remember(w http.ResponseWriter, device string) {
	if device != "" {
		websec.SetCookie(w, websec.DeviceCookie, device, throttle.DeviceLife)
	}
}
