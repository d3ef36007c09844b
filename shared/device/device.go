// Package device lets somebody sign in to a device that has no browser, such as
// a television or a command line, with the browser of another one (RFC 8628).
//
// The device asks for two codes. One it keeps: the device code, a secret of 256
// bits with which it asks, every few seconds, whether it may come in. The other
// one it shows: the user code, eight letters that a person types in a browser
// where they are signed in. There they see which client asks for what, and from
// where, and approve it or not. The next time that the device asks, it gets its
// tokens, once.
//
// A request is one item, found by the hash of its device code, and what becomes
// of it is decided by conditions: it is approved or denied while it is pending,
// by the first who does, and spent while it is approved, in the transaction that
// creates the grant. The user code is an item beside it, which makes it unique
// and leads to the request. It is kept as an HMAC: a hash of 34 bits would be
// undone by trying them all.
//
// Nothing here knows how often a code was guessed. That is counted by package
// throttle, before anybody looks.
package device

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Times that bind.
const (
	// Life is how long the codes are good, from the request to the tokens.
	Life = 10 * time.Minute
	// Interval is how long a device waits between two polls at first, and by
	// how much longer after each time that it did not wait.
	Interval = 5 * time.Second

	// leeway forgives a device whose clock runs a little faster than ours.
	leeway = time.Second
	// kept is how long an item stays in the table after its life, so that a
	// late device learns why it gets nothing.
	kept = time.Hour
)

var (
	// ErrUnknown says that there is no request with that code, or that it is
	// another client's.
	ErrUnknown = errors.New("no such device code")
	// ErrExpired says that nobody approved the request in time, or that the
	// device did not come for its tokens.
	ErrExpired = errors.New("device code has expired")
	// ErrUsed says that the request has been decided already, or that its
	// tokens were given away.
	ErrUsed = errors.New("device code has been used")
	// ErrDenied says that the person said no.
	ErrDenied = errors.New("device was denied")
	// ErrPending says that nobody has decided yet.
	ErrPending = errors.New("device is not approved yet")
	// ErrSlowDown says what ErrPending says, to a device that asks too often.
	ErrSlowDown = errors.New("device asks too often")
)

// The actions that this package writes to the trail.
const (
	ActionApprove audit.Action = "device.approve"
	ActionDeny    audit.Action = "device.deny"
)

// Store keeps requests. It is safe for concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Sessions string
	// Key is the key of the HMAC under user codes. When it changes, the user
	// codes that are out are lost. Who only polls needs none.
	Key   func(context.Context) ([]byte, error)
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

// NewRequest is what a device asks for.
type NewRequest struct {
	Client, Scope string
	// Audience are the resources.
	Audience []string
	// Device is where the request comes from.
	session.ClientInfo
}

// Request is what a device asked for.
type Request struct {
	// ID names the request to people; it opens nothing.
	ID string
	NewRequest
	Created, Expires time.Time
	// Decision is who decided, and zero until then.
	Decision

	hash  string // of the device code, in the key of the item
	state state
}

// Decision is a person with their login, who approves or denies.
type Decision struct {
	Subject string
	// AuthGen is the user's auth_gen when the person proved who they are.
	AuthGen  int64
	AuthTime time.Time
	AMR      []string
	// Login is the id of the browser session in which it was decided, and
	// LoginEnds when that ends in any case.
	Login     string
	LoginEnds time.Time
}

// state is what has become of a request.
type state string

const (
	pending  state = "pending"
	approved state = "approved"
	denied   state = "denied"
	spent    state = "spent"
)

// expired reports whether the request is too old. An expiry is in whole seconds,
// as in the conditions of the writes.
func (r *Request) expired(now time.Time) bool { return r.Expires.Unix() <= now.Unix() }
