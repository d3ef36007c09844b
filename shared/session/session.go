// Package session keeps who is signed in, and ends it exactly when somebody says
// so.
//
// Two things live here. A login is a person's browser, known by a cookie. A
// grant is what a person has allowed one client: the client holds a refresh
// token for it, and every access token names it. Both belong to a subject, lie
// side by side in the subject's partition of the sessions table, and stop by
// themselves, when they are idle for too long or at the end of their longest
// life.
//
// Each is one item for its whole life, and each change is one conditional write
// whose condition is the rule. The refresh of a grant is the rule that matters
// most: it is told at Refresh.
//
// What must never happen is that something outlives its end. Two counters see
// to that. The generation of a grant makes an old refresh token worthless, and
// tells on whoever presents it. The auth_gen of a user is raised when everything
// of the user ends, and is checked by the transaction that creates a login or a
// grant: a sign-in that races a revoke-all is either found and ended by it, or
// refused.
//
// A grant begins with a code: what a person has allowed, sealed and given to the
// client by way of the browser. Nothing of it is stored until the client redeems
// it, which creates the very grant that the code names, once.
//
// Nothing in the table opens anything. A refresh token is recomputed from the
// item and a key that is elsewhere; of a cookie only a hash is kept.
package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
)

var (
	// ErrEnded says that a login or a grant is not, or no longer, usable by
	// who asks: it never was, has ended, has expired, or is another client's.
	// It is final.
	ErrEnded = errors.New("session has ended")
	// ErrStale says that the user was disabled, removed, or signed out
	// everywhere after the caller last looked. The caller looks again.
	ErrStale = errors.New("user has changed meanwhile")
	// ErrKey says that a grant is bound to a key that the client has not
	// proved. The grant is as good as before.
	ErrKey = errors.New("the grant is bound to another key")
	// ErrUnknown says that the subject has nothing live of that id.
	ErrUnknown = errors.New("no such session")
)

// ReuseError says that a refresh token was presented after its successor had
// been used, or a code that had been redeemed: somebody has a copy. The grant has
// ended, with an audit entry.
type ReuseError struct {
	Subject, Grant string
	// Generation is that of the token presented, 0 for a code.
	Generation uint32
}

func (e *ReuseError) Error() string {
	if e.Generation == 0 {
		return fmt.Sprintf("grant %s has ended: its code was used again", e.Grant)
	}
	return fmt.Sprintf("grant %s has ended: its generation %d was used again", e.Grant, e.Generation)
}

// AlsoError says that the condition of a write did not hold that was to happen
// together with the creation of a grant. Nothing was written.
type AlsoError struct {
	// Index is the place of the write in NewGrant.Also.
	Index int
	// Item is what is stored, if the write asked for it.
	Item map[string]types.AttributeValue
}

func (e *AlsoError) Error() string {
	return fmt.Sprintf("condition of write %d beside the grant does not hold", e.Index)
}

// Times that bind.
const (
	// MaxLife is the longest life of a grant. A MAC key is kept longer.
	MaxLife = 400 * 24 * time.Hour
	// MaxGrace is the longest grace of a bearer client.
	MaxGrace = time.Minute
	// LoginIdle ends a login that nobody used for so long, and LoginLife any
	// login.
	LoginIdle = 30 * time.Minute
	LoginLife = 12 * time.Hour

	// kept is how long an item stays in the table after its longest life.
	kept = 7 * 24 * time.Hour
)

// MaxItems is how many live logins and grants a subject may have. One more ends
// the one that was not used for the longest time.
const MaxItems = 500

// The reasons why something ended.
const (
	Revoked   = "revoked"   // by its owner, or by its client
	LoggedOut = "logout"    // with the browser session
	Reused    = "reused"    // an old refresh token was presented
	Password  = "password"  // the password was changed
	Disabled  = "disabled"  // the user was disabled
	Evicted   = "evicted"   // there were more than MaxItems
	Recovered = "recovered" // the person came back by a one-time link
	Admin     = "admin"     // by an operator

	CodeReplayed = "code_replayed" // a code was redeemed a second time
)

// The actions that this package writes to the trail.
const (
	ActionGrant     audit.Action = "grant.create"
	ActionEndGrant  audit.Action = "grant.end"
	ActionLogin     audit.Action = "login.create"
	ActionRenew     audit.Action = "login.renew" // the same person signed in anew
	ActionEndLogin  audit.Action = "login.end"
	ActionEndAll    audit.Action = "session.end_all"
	ActionEndOthers audit.Action = "session.end_others"
)

// Store keeps logins and grants. It is safe for concurrent use.
type Store struct {
	DB *dynamodb.Client
	// Sessions and Registry are the physical names of the tables.
	Sessions, Registry string
	Trail              *audit.Trail
	Now                func(context.Context) time.Time
}

// Grant is what a person has allowed a client.
type Grant struct {
	ID, Subject, Client string
	// Scope is the granted scope, and Audience the resources it is for.
	Scope    string
	Audience []string
	// Generation is that of the one refresh token that is good, from 1.
	Generation uint32
	// AuthTime is when the person proved who they are, and AMR how (RFC 8176).
	AuthTime time.Time
	AMR      []string
	// Created, and Used: the last refresh, to the millisecond.
	Created, Used time.Time
	// Idle is when the grant ends unless it is refreshed, Absolute when it
	// ends in any case.
	Idle, Absolute time.Time
	// LoginByCookie is the browser session that the grant ends with, if any.
	Login string
	// Bound says that the client proves a secret at each refresh.
	Bound bool
	// JKT is the thumbprint of the key that the client proves at each refresh
	// (RFC 9449 §5), empty if it does not have to. A client that is Bound is
	// held to its secret and may change its key.
	JKT string
	// Notify says that the client wants to know when the session ends.
	Notify bool
	// Browser is the browser session in which a grant was given that outlives
	// it, for as long as the client is to be told of its end.
	Browser string
	ClientInfo
	// Ended is when the grant was ended and Why; zero while it was not.
	Ended time.Time
	Why   string

	active bool
	turn   []byte // of the last refresh
}

// LoginByCookie is a person's browser.
type Login struct {
	ID, Subject string
	// AuthGen is the user's auth_gen when the person proved who they are.
	AuthGen int64
	// AuthTime is when the person proved who they are, and AMR how (RFC 8176).
	AuthTime time.Time
	AMR      []string
	// Proved is when the last sign-in was completed, to the millisecond: its
	// cookie is from then.
	Proved time.Time
	// Created, and Used as Touch saw it.
	Created, Used time.Time
	// Idle is when the login ends unless it is used, Absolute when it ends
	// in any case.
	Idle, Absolute time.Time
	ClientInfo

	active bool
	hash   []byte
}

// live reports whether the grant is usable at that time. An expiry is in whole
// seconds, as in the conditions of the writes.
func (g *Grant) live(now time.Time) bool { return g.active && unexpired(g.Idle, g.Absolute, now) }

func (l *Login) live(now time.Time) bool { return l.active && unexpired(l.Idle, l.Absolute, now) }

func unexpired(idle, absolute, now time.Time) bool {
	return idle.Unix() > now.Unix() && absolute.Unix() > now.Unix()
}
