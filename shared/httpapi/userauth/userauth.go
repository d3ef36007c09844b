// Package userauth tells which person a request comes from: whose browser it is,
// by the session cookie, or on whose behalf a client asks, by an access token
// for our API with the scope contract.ScopeSessions.
//
// Either way the session behind it is read anew, so that nothing can be done
// with one that has ended.
package userauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Person is who a request comes from.
type Person struct {
	Subject string
	// Session is the id of the login or the grant that the request is under.
	Session string
	// AuthTime is when the person last proved who they are.
	AuthTime time.Time
	// Cookie says that the request came with the session cookie.
	Cookie bool
}

// Guard knows people by their sessions.
type Guard struct {
	Issuer   string
	Sessions *session.Store
	// Bearer takes access tokens; nil for a page, which takes none.
	Bearer *bearer.Guard
	Now    func(context.Context) time.Time
}

// Require returns the person. The error is invalid_token when there is none, and
// a 403 when another site sent the cookie. An access token counts for more than
// a cookie beside it: nobody attaches it unawares.
func (g *Guard) Require(r *http.Request) (*Person, error) {
	if g.Bearer != nil && r.Header.Get("Authorization") != "" {
		return g.client(r)
	}
	return g.browser(r)
}

// Fresh returns an error that asks for a new sign-in unless p signed in within
// httpapi.FreshAuthentication.
func (g *Guard) Fresh(ctx context.Context, p *Person) error {
	if g.Now(ctx).Sub(p.AuthTime) > httpapi.FreshAuthentication {
		return oauth.Refuse(oauth.InsufficientAuthentication, "this needs a sign-in of the last ten minutes")
	}
	return nil
}

func (g *Guard) browser(r *http.Request) (*Person, error) {
	ctx := r.Context()
	cookie := websec.Cookie(r, websec.SessionCookie)
	if cookie == "" {
		return nil, oauth.Refuse(oauth.InvalidToken, "sign in, or send an access token")
	}
	if err := websec.SameOrigin(r, g.Issuer); err != nil {
		return nil, err
	}
	login, err := g.Sessions.LoginByCookie(ctx, cookie)
	if err == nil {
		err = g.Sessions.Touch(ctx, login, session.NewClientInfo(r.RemoteAddr, r.UserAgent()))
	}
	if err != nil {
		return nil, ended(err)
	}
	return note(ctx, &Person{Subject: login.Subject, Session: login.ID, AuthTime: login.AuthTime, Cookie: true}), nil
}

func (g *Guard) client(r *http.Request) (*Person, error) {
	ctx := r.Context()
	claims, err := g.Bearer.Require(ctx, r, contract.ScopeSessions)
	if err != nil {
		return nil, err
	}
	// The subject of a token without a session is the client itself, and a
	// client could be called like a person.
	if claims.SessionID == "" {
		return nil, oauth.Refuse(oauth.InsufficientScope, "the access token is no person's")
	}
	grant, err := g.Sessions.Grant(ctx, claims.Subject, claims.SessionID)
	if err != nil {
		return nil, ended(err)
	}
	return note(ctx, &Person{Subject: grant.Subject, Session: grant.ID, AuthTime: grant.AuthTime}), nil
}

func note(ctx context.Context, p *Person) *Person {
	entry := httpapi.Note(ctx)
	entry.Subject, entry.Session = p.Subject, p.Session
	return p
}

func ended(err error) error {
	if errors.Is(err, session.ErrEnded) {
		return &oauth.Error{Code: oauth.InvalidToken, Detail: "the session has ended", Err: err}
	}
	return err
}
