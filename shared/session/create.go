package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// NewGrant is a grant to create.
type NewGrant struct {
	Subject string
	// AuthGen is the user's auth_gen when the person proved who they are.
	AuthGen       int64
	Client, Scope string
	Audience      []string
	AuthTime      time.Time
	AMR           []string
	// Idle and Absolute are how long the grant may stay unused and how long
	// it may live, at most MaxLife.
	Idle, Absolute time.Duration
	// Bound says that the client will prove a secret at each refresh, and JKT
	// which key it will prove otherwise, if any; as in Grant.
	Bound bool
	JKT   string
	// Notify says that the client wants to know when the session ends.
	Notify bool
	// LoginByCookie is the browser session that the grant ends with, if any.
	Login      string
	ClientInfo ClientInfo
	RequestID  string
	// Also are writes that happen with the creation or not at all, at most
	// MaxAlso. Of one whose condition does not hold the error is an
	// *AlsoError.
	Also []types.TransactWriteItem
}

// MaxAlso is how many writes there may be beside a creation, or a change of a user.
const MaxAlso = 6

// NewLogin is a login to create.
type NewLogin struct {
	Subject string
	// AuthGen is the user's auth_gen when the person proved who they are.
	AuthGen    int64
	AuthTime   time.Time
	AMR        []string
	ClientInfo ClientInfo
	RequestID  string
	// Also are writes that happen with the sign-in or not at all, at most
	// MaxAlso, such as that a code is used up. Of one whose condition does not
	// hold the error is an *AlsoError.
	Also []types.TransactWriteItem
}

// CreateGrant creates a grant of generation 1, with its audit entry in the same
// transaction. It returns ErrStale when the user's auth_gen is another one by now,
// or the user disabled or gone, and ErrEnded when Login is no longer live.
func (s *Store) CreateGrant(ctx context.Context, n NewGrant) (*Grant, error) {
	return s.createGrant(ctx, n, newID(s.Now(ctx)), n.Login)
}

// createGrant creates the grant of an id while the login named live is live.
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

// CreateLogin creates a login and returns it with its cookie, which nobody can
// make again. Errors are as of CreateGrant.
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

// login is the login of an id as the sign-in makes it, with its cookie.
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
	also    []types.TransactWriteItem
	entry   audit.Entry
}

// The places of the items in the transaction of a creation. Behind them come the
// login of a grant that needs one, what else is to happen, and the evictions.
const (
	placeUser = iota
	placeItem
	placeCount
	placeEntry
	places
)

// create writes a new item. The user's item is not written, only checked: that
// is what a revoke-all, which writes it, collides with.
func (s *Store) create(ctx context.Context, c creation) error {
	var full *room
	for range passes {
		items := []types.TransactWriteItem{
			placeUser:  s.userIs(c.subject, c.authGen),
			placeItem:  {Put: &types.Put{TableName: &s.Sessions, Item: c.item, ConditionExpression: new("attribute_not_exists(pk)")}},
			placeCount: s.counting(ctx, c.subject, full),
			placeEntry: s.Trail.Put(ctx, c.entry),
		}
		if c.login != "" {
			items = append(items, s.loginIs(ctx, c.subject, c.login))
		}
		also := len(items)
		items = append(items, c.also...)
		items = append(items, s.evictions(ctx, c, full)...)
		err := audit.Write(ctx, s.DB, items...)
		condition, ok := errors.AsType[*audit.ConditionError](err)
		switch {
		case !ok:
			return err
		case condition.Index == placeUser:
			return ErrStale
		case condition.Index == placeItem || condition.Index == placeEntry:
			return err
		case condition.Index >= places && condition.Index < also:
			return ErrEnded
		case condition.Index >= also && condition.Index < also+len(c.also):
			return &AlsoError{Index: condition.Index - also, Item: condition.Item}
		}
		// Full, or what was found to be so has changed.
		if full, err = s.room(ctx, c); err != nil {
			return err
		}
	}
	return audit.ErrBusy
}

// userIs holds when nothing has ended all of the user's sessions since seen, and
// the user exists and is not disabled.
func (s *Store) userIs(subject string, seen int64) types.TransactWriteItem {
	condition := "attribute_exists(pk) AND (attribute_not_exists(#disabled) OR #disabled = :no) AND "
	if seen == 0 {
		condition += "(attribute_not_exists(#auth_gen) OR #auth_gen = :seen)"
	} else {
		condition += "#auth_gen = :seen"
	}
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &s.Registry, Key: userKey(subject), ConditionExpression: &condition,
		ExpressionAttributeNames: dynamo.Names(attrDisabled, attrAuthGen),
		ExpressionAttributeValues: dynamo.Item{
			":no": dynamo.Flag(false), ":seen": dynamo.Number(seen),
		},
	}}
}

// loginIs holds when a login is live.
func (s *Store) loginIs(ctx context.Context, subject, id string) types.TransactWriteItem {
	condition := "#state = :active AND #idle > :now AND #abs > :now"
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &s.Sessions, Key: KindLogin.key(subject, id), ConditionExpression: &condition,
		ExpressionAttributeNames:  dynamo.Names(attrState, attrIdle, attrAbsolute),
		ExpressionAttributeValues: dynamo.Item{":active": dynamo.Text(stateActive), ":now": dynamo.Seconds(s.Now(ctx))},
	}}
}

func newID(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), rand.Reader).String() }

func second(t time.Time) time.Time { return time.Unix(t.Unix(), 0).UTC() }
