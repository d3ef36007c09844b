package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// NewGrant is a grant to create.
type NewGrant struct {
	Subject string
	// AuthGen is the user's auth_gen when they authenticated.
	AuthGen       int64
	Client, Scope string
	Audience      []string
	AuthTime      time.Time
	AMR           []string
	// Idle is how long the grant may stay unused, and Absolute how long it may
	// live, at most [MaxLife].
	Idle, Absolute time.Duration
	// Bound is true if the client will prove a secret at each refresh. Otherwise
	// JKT is the thumbprint of the key that it will prove, empty for none.
	Bound bool
	JKT   string
	// Notify is true if the client asks for a notice when the session ends.
	Notify bool
	// Login is the id of the login that the grant ends with, empty for none.
	Login      string
	ClientInfo ClientInfo
	RequestID  string
	// Also are writes of the same transaction, at most [MaxAlso], each with the
	// name of its failure.
	Also []dynamo.Write
}

// MaxAlso is how many writes a caller may add to a creation, or to a change of a user.
const MaxAlso = 6

// NewLogin is a login to create.
type NewLogin struct {
	Subject string
	// AuthGen is the user's auth_gen when they authenticated.
	AuthGen    int64
	AuthTime   time.Time
	AMR        []string
	ClientInfo ClientInfo
	RequestID  string
	// Also are writes of the same transaction, at most [MaxAlso], such as the one
	// that uses a code up, each with the name of its failure.
	Also []dynamo.Write
}

// CreateGrant creates a grant of generation 1, with its audit entry in the same
// transaction. It returns [ErrStale] when the user's auth_gen has changed or the user
// is disabled or deleted, and [ErrEnded] when Login is no longer live.
func (s *Store) CreateGrant(ctx context.Context, n NewGrant) (*Grant, error) {
	return s.createGrant(ctx, n, newID(s.Now(ctx)), n.Login)
}

// createGrant creates the grant with an id, on the condition that the login named
// live is live.
func (s *Store) createGrant(ctx context.Context, n NewGrant, id, live string) (*Grant, error) {
	if n.Idle <= 0 || n.Absolute <= 0 || n.Absolute > MaxLife {
		return nil, fmt.Errorf("create grant: idle %v and absolute %v are no lifetimes", n.Idle, n.Absolute)
	}
	if len(n.Also) > MaxAlso {
		return nil, fmt.Errorf("create grant: %d writes beside it are too many", len(n.Also))
	}
	now := s.Now(ctx).UTC()
	g := &Grant{
		ID: id, Subject: n.Subject, Client: n.Client, Scope: n.Scope, Audience: n.Audience,
		Generation: 1, AuthTime: second(n.AuthTime), AMR: n.AMR, Created: second(now), Used: second(now),
		Idle: second(now.Add(n.Idle)), Absolute: second(now.Add(n.Absolute)),
		Login: n.Login, Bound: n.Bound, Notify: n.Notify, ClientInfo: n.ClientInfo, active: true,
	}
	if !n.Bound {
		g.JKT = n.JKT
	}
	if n.Notify && n.Login == "" {
		g.Browser = live
	}
	err := s.create(ctx, creation{
		subject: n.Subject, authGen: n.AuthGen, item: encodeGrant(g), login: live, also: n.Also,
		entry: audit.Entry{
			Actor: n.Subject, Action: ActionGrant, Subject: n.Subject, Object: KindGrant.sort(g.ID),
			Outcome: audit.Success, RequestID: n.RequestID,
			Detail: n.ClientInfo.Detail("amr", strings.Join(n.AMR, " "), "client", n.Client, "scope", n.Scope),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("create grant: %w", err)
	}
	return g, nil
}

// CreateLogin creates a login and returns it with its cookie, which cannot be
// computed again. The errors are those of [Store.CreateGrant].
func (s *Store) CreateLogin(ctx context.Context, n NewLogin) (*Login, string, error) {
	if len(n.Also) > MaxAlso {
		return nil, "", fmt.Errorf("create login: %d writes beside it are too many", len(n.Also))
	}
	now := s.Now(ctx).UTC()
	l, cookie, err := n.login(newID(now), now)
	if err != nil {
		return nil, "", fmt.Errorf("create login: %w", err)
	}
	l.Created = second(now)
	err = s.create(ctx, creation{
		subject: n.Subject, authGen: n.AuthGen, item: encodeLogin(l), also: n.Also,
		entry: audit.Entry{
			Actor: n.Subject, Action: ActionLogin, Subject: n.Subject, Object: KindLogin.sort(l.ID),
			Outcome: audit.Success, RequestID: n.RequestID, Detail: n.ClientInfo.Detail("amr", strings.Join(n.AMR, " ")),
		},
	})
	if err != nil {
		return nil, "", fmt.Errorf("create login: %w", err)
	}
	return l, cookie, nil
}

// login returns the login with an id as the sign-in makes it, with its cookie.
func (n NewLogin) login(id string, now time.Time) (*Login, string, error) {
	cookie, hash, err := newCookie(n.Subject, id)
	if err != nil {
		return nil, "", err
	}
	return &Login{
		ID: id, Subject: n.Subject, AuthGen: n.AuthGen, AuthTime: second(n.AuthTime), Proved: now.Truncate(time.Millisecond), AMR: n.AMR,
		Used: second(now), Idle: second(now.Add(LoginIdle)), Absolute: second(now.Add(LoginLife)),
		ClientInfo: n.ClientInfo, active: true, hash: hash,
	}, cookie, nil
}

// creation is an item to create and what its transaction checks.
type creation struct {
	subject string
	authGen int64
	item    dynamo.Item
	login   string
	also    []dynamo.Write
	entry   audit.Entry
}

// errExists is the failure of creating an item that exists.
var errExists = errors.New("item is there already")

// create writes a new item. It checks the user's item without writing it, so that a
// revoke-all, which writes that item, collides with it. The error is errExists,
// ErrStale, ErrEnded when the login of the creation is no longer live, or the
// failure of one of c.also.
func (s *Store) create(ctx context.Context, c creation) error {
	var full *limit
	for range passes {
		tx := dynamo.Tx{
			dynamo.CheckUser(s.Registry, c.subject, c.authGen).Else(ErrStale),
			dynamo.Create(s.Sessions, c.item).Else(errExists),
			s.counting(ctx, c.subject, full),
			s.Trail.Put(ctx, c.entry),
		}
		if c.login != "" {
			tx = append(tx, s.loginIs(ctx, c.subject, c.login).Else(ErrEnded))
		}
		tx = append(tx, c.also...)
		err := append(tx, s.evictions(ctx, c, full)...).Run(ctx, s.DB)
		if !errors.Is(err, errMoved) {
			return err
		}
		if full, err = s.limit(ctx, c); err != nil {
			return err
		}
	}
	return dynamo.ErrBusy
}

// loginIs returns the check that a login is live.
func (s *Store) loginIs(ctx context.Context, subject, id string) dynamo.Write {
	return dynamo.Check(s.Sessions, KindLogin.key(subject, id), isLive(s.Now(ctx))...)
}

// isLive returns the conditions that a login or a grant is live.
func isLive(now time.Time) []dynamo.Condition {
	return []dynamo.Condition{
		dynamo.Equal(attrState, dynamo.Text(stateActive)),
		dynamo.Greater(attrIdle, dynamo.Seconds(now)), dynamo.Greater(attrAbsolute, dynamo.Seconds(now)),
	}
}

// passes is how often a change of several items is planned again after a concurrent
// change.
const passes = 20

func newID(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), rand.Reader).String() }

func second(t time.Time) time.Time { return time.Unix(t.Unix(), 0).UTC() }
