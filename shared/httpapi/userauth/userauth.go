// Package userauth answers one question for every route: which user is signed in?
//
// [Browser] answers it for pages, by the session cookie. [Guard] answers it for our
// API, by an access token or by the cookie. This package is also the only one that
// reads, sets and clears the session cookie. Package signin decides when a session
// begins; it does not know how the browser keeps it.
//
// # Live sessions
//
// A session counts while it is live in the table. Every request reads it consistently,
// so that nothing can be done with a session that has ended.
//
// A route that shows or changes something of the user also reads the user, see
// [Browser.User]. A user who is gone or disabled is signed out, and so is every
// session that began before all sessions of its user were ended. A route that never
// reads the user relies on the write that ends all sessions of a disabled user; a code
// that it gives out is checked against the user when it is redeemed.
//
// # When a session is used
//
// [Browser.Use] notes the use of a session and puts off its idle end. There is one
// rule: a request uses the session when its answer gives something that the session is
// good for, such as a page with the user's data, an authorization code, or an answer
// of the API. Three kinds of requests do not use it: one that only looks which user is
// signed in, one that ends the session, and one that changes something and sends the
// browser on to a page that uses it. Use writes at most once a minute.
package userauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/session"
)

// ErrSignedOut is returned when the browser has no live session, or when the user of
// the session may not use it any more.
var ErrSignedOut = errors.New("the browser is not signed in")

// Browser finds the signed-in user of a browser. It is safe for concurrent use.
type Browser struct {
	Sessions *session.Store
	// Users is only read. It may be nil if no caller uses [Browser.User].
	Users *identity.Store
}

// Optional returns the live session of the browser, or nil if there is none. It makes
// one read, and none without a cookie. It notes nothing in the log, because the
// request may be about another user, who signs in.
func (b *Browser) Optional(r *http.Request) (*session.Login, error) {
	l, err := b.login(r)
	if errors.Is(err, ErrSignedOut) {
		return nil, nil //nolint:nilnil // no user is signed in
	}
	return l, err
}

// Require returns the live session of the browser and notes it in the log.
// [ErrSignedOut] is returned when there is none. Require makes one read, and none
// without a cookie.
func (b *Browser) Require(r *http.Request) (*session.Login, error) {
	l, err := b.login(r)
	if err != nil {
		return nil, err
	}
	Note(r.Context(), l)
	return l, nil
}

func (b *Browser) login(r *http.Request) (*session.Login, error) {
	l, err := b.Sessions.LoginByCookie(r.Context(), cookie(r))
	return l, signedOut(err)
}

// User returns the user of a session, with one read. [ErrSignedOut] is returned when
// the user is gone or disabled, or all sessions of the user have been ended since.
func (b *Browser) User(ctx context.Context, l *session.Login) (*identity.User, error) {
	u, err := b.Users.Current(ctx, identity.Change{Subject: l.Subject, AuthGen: l.AuthGen})
	return u, signedOut(err)
}

// Use notes that the request uses the session, in the table and in the log.
// [ErrSignedOut] is returned when the session has ended in between. Use makes at most
// one write a minute.
func (b *Browser) Use(r *http.Request, l *session.Login) error {
	err := b.Sessions.Touch(r.Context(), l, session.NewClientInfo(r.RemoteAddr, r.UserAgent()))
	if err != nil {
		return signedOut(err)
	}
	Note(r.Context(), l)
	return nil
}

// End signs the browser out: it ends the session with all grants under it, and makes
// the browser forget the cookie.
func (b *Browser) End(w http.ResponseWriter, r *http.Request, l *session.Login) error {
	ctx := r.Context()
	_, err := b.Sessions.EndLogin(ctx, l.Subject, l.ID, session.Cause{
		Why: session.LoggedOut, Actor: l.Subject, RequestID: httpapi.RequestID(ctx),
	})
	if err != nil {
		return err
	}
	Forget(w, r)
	return nil
}

// signedOut adds ErrSignedOut to the errors of the stores that mean it.
func signedOut(err error) error {
	if errors.Is(err, session.ErrEnded) || errors.Is(err, identity.ErrEnded) {
		return fmt.Errorf("%w: %w", ErrSignedOut, err)
	}
	return err
}

// Note records the session of a request in its log line.
func Note(ctx context.Context, l *session.Login) {
	entry := httpapi.Note(ctx)
	entry.Subject, entry.Session = l.Subject, l.ID
}

// Fresh reports whether a sign-in at authTime is recent enough for an action that
// requires one, see [httpapi.FreshAuthentication].
func Fresh(authTime, now time.Time) bool { return now.Sub(authTime) <= httpapi.FreshAuthentication }

// cookie is the session cookie, or "".
func cookie(r *http.Request) string { return websec.Cookie(r, websec.SessionCookie) }

// Keep gives the browser the cookie of a new session.
func Keep(w http.ResponseWriter, cookie string) {
	websec.SetCookie(w, websec.SessionCookie, cookie, session.LoginLife)
}

// Forget makes the browser forget its session cookie, if it sent one. It is for a
// session that has ended.
func Forget(w http.ResponseWriter, r *http.Request) {
	if cookie(r) != "" {
		websec.ClearCookie(w, websec.SessionCookie)
	}
}
