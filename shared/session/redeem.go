package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
)

// RedeemRequest is the request of a client that redeems an authorization code.
type RedeemRequest struct {
	// Client is the id of the client. The caller has compared it with the code,
	// and everything else that the code requires.
	Client string
	// Idle, Absolute, Bound, JKT and Notify are as in [NewGrant].
	Idle, Absolute time.Duration
	Bound          bool
	JKT            string
	Notify         bool
	ClientInfo     ClientInfo
	RequestID      string
}

// Redeem creates the grant of an authorization code. The same transaction checks that
// the user is neither disabled nor signed out everywhere ([ErrStale]), that the login
// in which the code was issued is live ([ErrEnded]), and that the code has not been
// redeemed. One of any number of redemptions succeeds. The others return a
// [*ReuseError], and the grant has ended by then (RFC 6749 §4.1.2).
//
// When the SDK repeats a transaction after a lost response, DynamoDB recognises its
// token and answers as before. A client that repeats its request makes a second
// redemption: it cannot be told from a thief.
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
	if errors.Is(err, errExists) {
		return nil, s.replayed(ctx, c, r)
	}
	if err != nil {
		return nil, fmt.Errorf("redeem a code: %w", err)
	}
	return g, nil
}

// replayed ends the grant of the first redemption. The error is a *ReuseError only
// once that is written, so that after a failure the next attempt detects the reuse
// again.
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
