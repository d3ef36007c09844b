// Package session stores the sessions of users, and ends them reliably.
//
// # Logins and grants
//
// A [Login] is the session of a user in one browser, identified by a cookie. A
// [Grant] is what a user has allowed one client: the client holds a refresh token
// for it, and every access token names it. Both belong to a subject and lie in the
// subject's partition of the sessions table. Both expire when they are idle for too
// long or reach their longest life.
//
// Each is one item for its whole life, and each change is one conditional write. The
// condition is the rule. The most important rule is that of [Store.Refresh].
//
// # Authorization codes
//
// A grant begins with an authorization code: what the user has allowed, sealed by
// [Codes.Seal] and given to the client through the browser. Nothing of it is stored
// until the client redeems it. [Store.Redeem] creates the grant that the code names,
// once.
//
// # Rotation
//
// Every refresh moves the grant to its next generation. The generation makes an old
// refresh token worthless, and a use of an old token ends the grant with a
// [ReuseError].
//
// # Ending
//
// No login and no grant may outlive its end. The auth_gen of a user is raised when
// everything of the user ends ([Store.EndAll]). The transaction that creates a login
// or a grant checks it: a sign-in that races a revoke-all is either ended by it or
// refused with [ErrStale].
//
// # Stored data
//
// The table holds no credential. A refresh token is recomputed from the item and a
// key that is not in the table. Of a cookie only the SHA-256 of its secret is kept.
package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
)

var (
	// ErrEnded is returned when the caller cannot use a login or a grant: it
	// never existed, has ended, has expired, or belongs to another client. It is
	// final.
	ErrEnded = errors.New("session has ended")
	// ErrStale is returned when the user was disabled, removed, or signed out
	// everywhere after the caller read the user. The caller reads the user again.
	ErrStale = errors.New("user has changed since it was read")
	// ErrKey is returned when a grant is bound to a key that the client has not
	// proved (RFC 9449 §5). The grant stays usable.
	ErrKey = errors.New("the grant is bound to another key")
	// ErrUnknown is returned when the subject has no live item of that id.
	ErrUnknown = errors.New("no such session")
)

// ReuseError is returned when a refresh token is presented after its successor was
// used, or an authorization code after it was redeemed: a copy exists (RFC 9700
// §4.14.2, RFC 6749 §4.1.2). The grant has ended, with an audit entry.
type ReuseError struct {
	Subject, Grant string
	// Generation is that of the token presented, 0 for an authorization code.
	Generation uint32
}

func (e *ReuseError) Error() string {
	if e.Generation == 0 {
		return fmt.Sprintf("grant %s has ended: its code was used again", e.Grant)
	}
	return fmt.Sprintf("grant %s has ended: its generation %d was used again", e.Grant, e.Generation)
}

// Lifetimes.
const (
	// MaxLife is the longest life of a grant. A MAC key is kept longer.
	MaxLife = 400 * 24 * time.Hour
	// MaxGrace is the longest grace of a bearer client.
	MaxGrace = time.Minute
	// LoginIdle is how long a login may stay unused, and LoginLife its longest
	// life.
	LoginIdle = 30 * time.Minute
	LoginLife = 12 * time.Hour

	// kept is how long an item stays in the table after its longest life.
	kept = 7 * 24 * time.Hour
)

// MaxItems is how many live logins and grants a subject may have. One more ends
// the least recently used one.
const MaxItems = 500

// The reasons why something ended.
const (
	Revoked   = "revoked"   // by its owner, or by its client
	LoggedOut = "logout"    // with the browser session
	Reused    = "reused"    // an old refresh token was presented
	Password  = "password"  // the password was changed
	Disabled  = "disabled"  // the user was disabled
	Evicted   = "evicted"   // there were more than MaxItems
	Recovered = "recovered" // the user signed in again with a one-time link
	Admin     = "admin"     // by an operator

	CodeReplayed = "code_replayed" // a code was redeemed a second time
)

// The actions that this package writes to the audit trail.
const (
	ActionGrant     audit.Action = "grant.create"
	ActionEndGrant  audit.Action = "grant.end"
	ActionLogin     audit.Action = "login.create"
	ActionRenew     audit.Action = "login.renew" // the same user signed in again
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

// Grant is what a user has allowed a client.
type Grant struct {
	ID, Subject, Client string
	// Scope is the granted scope, and Audience the resources it is for.
	Scope    string
	Audience []string
	// Generation is that of the one valid refresh token, from 1.
	Generation uint32
	// AuthTime is when the user authenticated, and AMR how (RFC 8176).
	AuthTime time.Time
	AMR      []string
	// Created is to the second. Used is the last refresh, to the millisecond.
	Created, Used time.Time
	// Idle is when the grant ends unless it is refreshed, Absolute when it
	// ends in any case.
	Idle, Absolute time.Time
	// Login is the id of the login that the grant ends with, empty for none.
	Login string
	// Bound is true if the client proves a secret at each refresh.
	Bound bool
	// JKT is the thumbprint of the key that the client proves at each refresh
	// (RFC 9449 §5), empty for none. A client that is Bound is held to its secret
	// and may change its key.
	JKT string
	// Notify is true if the client asks for a notice when the session ends.
	Notify bool
	// Browser is the id of the login in which the user gave a grant that outlives
	// it. It is empty once the client has a notice of the end of that login.
	Browser string
	ClientInfo
	// Ended is when the grant was ended, and Why one of the reasons above. Both
	// are zero until then.
	Ended time.Time
	Why   string

	active bool
	turn   []byte // of the last refresh
}

// Login is the session of a user in one browser.
type Login struct {
	ID, Subject string
	// AuthGen is the user's auth_gen when they authenticated.
	AuthGen int64
	// AuthTime is when the user authenticated, and AMR how (RFC 8176).
	AuthTime time.Time
	AMR      []string
	// Proved is when the last sign-in was completed and its cookie made, to the
	// millisecond.
	Proved time.Time
	// Created is the first sign-in, and Used the last use that [Store.Touch]
	// wrote.
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
