package bearer

import (
	"context"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/token"
)

// Live judges whether an access token of ours is active now. A signature proves that
// it was active once. Since then its session may have ended, or its client may have
// been disabled.
type Live struct {
	Guard   *Guard
	Clients *client.Store
	// Sessions is only read.
	Sessions *session.Store
}

// Claims returns the claims of an active token, for any resource and bound to any key.
// The error wraps [token.ErrInvalid] if the token is not active. Another error is
// returned when that could not be found out.
//
// The session of a token is read consistently: once it has ended, nothing under it is
// active. The session of an exchanged token is that of another client, which must be
// live as well.
func (l *Live) Claims(ctx context.Context, value string) (*token.Claims, error) {
	claims, err := l.Guard.Verify(ctx, value)
	if err != nil {
		return nil, err
	}
	if err := l.Check(ctx, claims); err != nil {
		return nil, err
	}
	return claims, nil
}

// Check returns nil if everything that verified claims depend on still exists.
// Otherwise its errors are those of [Live.Claims].
func (l *Live) Check(ctx context.Context, claims *token.Claims) error {
	if err := l.client(ctx, claims.ClientID); err != nil {
		return err
	}
	if claims.SessionID == "" {
		return nil
	}
	g, err := l.Sessions.Grant(ctx, claims.Subject, claims.SessionID)
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
	return l.client(ctx, g.Client)
}

// client refuses a token of a client that is gone or disabled.
func (l *Live) client(ctx context.Context, id string) error {
	c, err := l.Clients.Client(ctx, id)
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
