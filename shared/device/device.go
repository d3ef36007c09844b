// Package device implements the device authorization grant (RFC 8628): a user signs
// in on a device without a browser, such as a television or a command line, with the
// browser of another device.
//
// # Two codes
//
// The device asks for two codes. It keeps the device code, a secret of 256 bits, and
// polls with it every few seconds. It shows the user code, eight letters that the
// user types in a browser with a session. There the user sees which client asks for
// which scopes, and from where, and approves or denies the request. The next poll
// returns the tokens, once.
//
// # State
//
// A request is one item under the hash of its device code. Conditional writes change
// its state. The first decision moves it from pending to approved or denied. The
// transaction that creates the grant moves it from approved to spent.
//
// The user code is an item beside it, which makes it unique and leads to the request.
// Its key is an HMAC of the code: a plain hash of 34 bits could be reversed by trying
// all codes.
//
// # Guessing
//
// This package does not limit guesses of user codes. Package throttle counts them
// before any lookup.
package device

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/session"
)

// The time limits.
const (
	// Life is the lifetime of the codes, from the request to the tokens.
	Life = 10 * time.Minute
	// Interval is how long a device waits between two polls at first, and by how
	// much the wait grows after a poll that came too early.
	Interval = 5 * time.Second

	// leeway tolerates a device clock that runs a little faster than ours.
	leeway = time.Second
	// kept is how long an item stays in the table after it expired, so that a late
	// device gets a precise error.
	kept = time.Hour
)

var (
	// ErrUnknown is returned when no request has the code, or when it belongs to
	// another client.
	ErrUnknown = errors.New("no such device code")
	// ErrExpired is returned when the request was not approved in time, or when the
	// device did not fetch its tokens in time.
	ErrExpired = errors.New("device code has expired")
	// ErrUsed is returned when the request has been decided already, or when its
	// tokens were issued.
	ErrUsed = errors.New("device code has been used")
	// ErrDenied is returned when the user denied the request.
	ErrDenied = errors.New("device was denied")
	// ErrPending is returned while the request is not decided.
	ErrPending = errors.New("device is not approved yet")
	// ErrSlowDown is returned instead of [ErrPending] to a device that polls too often.
	ErrSlowDown = errors.New("device asks too often")
)

// The audit actions of this package.
const (
	ActionApprove audit.Action = "device.approve"
	ActionDeny    audit.Action = "device.deny"
)

// Store stores requests. It is safe for concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Sessions string
	// Key is the key of the HMAC under user codes. When it changes, the user codes
	// in use become invalid. A caller that only polls needs no key.
	Key   func(context.Context) ([]byte, error)
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

// NewRequest is the input of [Store.Create].
type NewRequest struct {
	Client, Scope string
	// Audience are the resources.
	Audience []string
	// ClientInfo is where the request comes from.
	session.ClientInfo
}

// Request is the request of a device.
type Request struct {
	// ID names the request in pages and logs. It gives no access.
	ID string
	NewRequest
	Created, Expires time.Time
	// Decision is zero until the request is decided.
	Decision

	hash  string // of the device code, in the key of the item
	state state
}

// Decision is the user and the browser session that approve or deny a request.
type Decision struct {
	Subject string
	// AuthGen is the user's auth_gen at the time of the authentication.
	AuthGen  int64
	AuthTime time.Time
	AMR      []string
	// Login is the id of the browser session in which it was decided, and
	// LoginEnds is when that session ends at the latest.
	Login     string
	LoginEnds time.Time
}

// state is the state of a request.
type state string

const (
	pending  state = "pending"
	approved state = "approved"
	denied   state = "denied"
	spent    state = "spent"
)

// expired reports whether the request has expired. An expiry is in whole seconds, as
// in the conditions of the writes.
func (r *Request) expired(now time.Time) bool { return r.Expires.Unix() <= now.Unix() }
