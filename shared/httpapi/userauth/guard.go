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

// User is the user who sent a request to our API, by a browser or a client.
type User struct {
	Subject string
	// Session is the id of the login or of the grant that the request is under.
	Session string
	// AuthTime is when the user last authenticated.
	AuthTime time.Time
	// Cookie reports that the request came with the session cookie.
	Cookie bool
}

// Guard admits users to our API: with an access token that has the scope
// contract.ScopeSessions, or with the session cookie.
type Guard struct {
	Issuer  string
	Browser *Browser
	Bearer  *bearer.Guard
	Now     func(context.Context) time.Time
}

// Require returns the user. The error is invalid_token if there is none, and a 403 if
// another site sent the cookie. If the request has both an access token and a cookie,
// only the token counts: no browser attaches a token by itself.
func (g *Guard) Require(r *http.Request) (*User, error) {
	u, err := g.user(r)
	switch {
	case errors.Is(err, ErrSignedOut), errors.Is(err, session.ErrEnded):
		return nil, &oauth.Error{Code: oauth.InvalidToken, Detail: "the session has ended", Err: err}
	case err != nil:
		return nil, err
	}
	return u, nil
}

// Fresh returns an error that asks for a new sign-in unless the sign-in of u is
// [Fresh].
func (g *Guard) Fresh(ctx context.Context, u *User) error {
	if !Fresh(u.AuthTime, g.Now(ctx)) {
		return oauth.Refuse(oauth.InsufficientAuthentication, "this needs a sign-in of the last ten minutes")
	}
	return nil
}

func (g *Guard) user(r *http.Request) (*User, error) {
	if r.Header.Get("Authorization") != "" {
		return g.byToken(r)
	}
	if cookie(r) == "" {
		return nil, oauth.Refuse(oauth.InvalidToken, "sign in, or send an access token")
	}
	if err := websec.SameOrigin(r, g.Issuer); err != nil {
		return nil, err
	}
	l, err := g.Browser.Require(r)
	if err == nil {
		err = g.Browser.Use(r, l)
	}
	if err != nil {
		return nil, err
	}
	return &User{Subject: l.Subject, Session: l.ID, AuthTime: l.AuthTime, Cookie: true}, nil
}

func (g *Guard) byToken(r *http.Request) (*User, error) {
	ctx := r.Context()
	claims, err := g.Bearer.Require(ctx, r, contract.ScopeSessions)
	if err != nil {
		return nil, err
	}
	// The subject of a token without a session is the client itself, and the id of a
	// client may equal the subject of a user.
	if claims.SessionID == "" {
		return nil, oauth.Refuse(oauth.InsufficientScope, "the access token is no person's")
	}
	grant, err := g.Browser.Sessions.Grant(ctx, claims.Subject, claims.SessionID)
	if err != nil {
		return nil, err
	}
	entry := httpapi.Note(ctx)
	entry.Subject, entry.Session = grant.Subject, grant.ID
	return &User{Subject: grant.Subject, Session: grant.ID, AuthTime: grant.AuthTime}, nil
}
