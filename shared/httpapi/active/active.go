// Package active tells whether an access token of ours is worth anything at this
// moment. A signature proves that it was once; since then its session may have
// ended, and a client been disabled.
package active

import (
	"context"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Judge judges tokens.
type Judge struct {
	Guard   *bearer.Guard
	Clients *client.Store
	// Sessions is only read.
	Sessions *session.Store
}

// Claims returns the claims of a token that is active, for whatever resource and
// bound to whatever key. The error wraps token.ErrInvalid when it is not, and is
// another one when that could not be found out.
//
// The session of a token is read consistently: from the moment that somebody has
// ended it, nothing under it is active. That of a token that was exchanged is the
// session of another client, which must be live as well.
func (j *Judge) Claims(ctx context.Context, value string) (*token.Claims, error) {
	claims, err := j.Guard.Verify(ctx, value)
	if err != nil {
		return nil, err
	}
	if err := j.Live(ctx, claims); err != nil {
		return nil, err
	}
	return claims, nil
}

// Live returns nil if what verified claims rest on is still there, and otherwise
// an error as Claims does.
func (j *Judge) Live(ctx context.Context, claims *token.Claims) error {
	if err := j.client(ctx, claims.ClientID); err != nil {
		return err
	}
	if claims.SessionID == "" {
		return nil
	}
	g, err := j.Sessions.Grant(ctx, claims.Subject, claims.SessionID)
	switch {
	case errors.Is(err, session.ErrEnded):
		return fmt.Errorf("%w: its session has ended", token.ErrInvalid)
	case err != nil:
		return err
	case g.Client == claims.ClientID:
		return nil
	case claims.Act == nil:
		return fmt.Errorf("%w: its session is another client's", token.ErrInvalid)
	}
	return j.client(ctx, g.Client)
}

// client refuses a token whose client is gone or disabled.
func (j *Judge) client(ctx context.Context, id string) error {
	c, err := j.Clients.Client(ctx, id)
	switch {
	case errors.Is(err, client.ErrUnknown):
		return fmt.Errorf("%w: its client is gone", token.ErrInvalid)
	case err != nil:
		return err
	case c.Disabled:
		return fmt.Errorf("%w: its client is disabled", token.ErrInvalid)
	}
	return nil
}
