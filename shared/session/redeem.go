package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
)

// RedeemRequest is a client that redeems a code.
type RedeemRequest struct {
	// Client is the id of the client, which the caller has compared with the
	// code, as it has everything else that the code asks for.
	Client string
	// Idle, Absolute, Bound, JKT and Notify are as in NewGrant.
	Idle, Absolute time.Duration
	Bound          bool
	JKT            string
	Notify         bool
	ClientInfo     ClientInfo
	RequestID      string
}

// Redeem creates the grant of a code, in one transaction with all that must hold:
// that the user is neither disabled nor signed out everywhere (ErrStale), that the
// login in which the code was given is live (ErrEnded), and that the code has not
// been redeemed before. Of any number of redemptions one succeeds; the others
// get a *ReuseError, and the grant has ended when they do (RFC 6749 §4.1.2).
//
// An SDK that tries again after a lost reply repeats the very transaction, which
// DynamoDB knows by its token and answers as before. A client that tries again
// is a second redemption: nobody can tell it from a thief.
func (s *Store) Redeem(ctx context.Context, c *Code, r RedeemRequest) (*Grant, error) {
	n := NewGrant{
		Subject: c.Subject, AuthGen: c.AuthGen, Client: r.Client, Scope: c.Scope, Audience: c.Audience,
		AuthTime: c.AuthTime, AMR: c.AMR, Idle: r.Idle, Absolute: r.Absolute,
		Bound: r.Bound, JKT: r.JKT, Notify: r.Notify, ClientInfo: r.ClientInfo, RequestID: r.RequestID,
	}
	if !c.Offline() && c.Login != "" {
		n.Login = c.Login
		n.Absolute = min(n.Absolute, c.LoginEnds.Sub(s.Now(ctx)))
		n.Idle = min(n.Idle, n.Absolute)
	}
	if n.Absolute <= 0 && r.Absolute > 0 {
		return nil, fmt.Errorf("redeem a code: its login has ended: %w", ErrEnded)
	}
	g, err := s.createGrant(ctx, n, c.Grant, c.Login)
	if condition, ok := errors.AsType[*audit.ConditionError](err); ok && condition.Index == placeItem {
		return nil, s.replayed(ctx, c, r)
	}
	if err != nil {
		return nil, fmt.Errorf("redeem a code: %w", err)
	}
	return g, nil
}

// replayed ends what the code gave when it was redeemed before. Until that is
// written the answer is not that the code was used again, so that the next try
// finds it out again.
func (s *Store) replayed(ctx context.Context, c *Code, r RedeemRequest) error {
	err := s.end(ctx, KindGrant, c.Subject, c.Grant, CodeReplayed, audit.Entry{
		Actor: r.Client, Action: ActionEndGrant, Outcome: audit.Success, RequestID: r.RequestID,
		Detail: map[string]string{"ip": r.ClientInfo.IP, "agent": r.ClientInfo.Agent},
	})
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	return &ReuseError{Subject: c.Subject, Grant: c.Grant}
}
