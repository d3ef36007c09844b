// Package onetime makes one-time links: for the recovery of a user who cannot sign in,
// and for the invitation of a new user.
//
// # Security
//
// Such a user has no credential. An operator gives them a link, or the server mails it
// to a verified address, and with the link they choose a passkey or a password. Until
// then the link is as strong as a password. So it is short-lived, works once, is made
// for one purpose, and cannot be computed from stored data: the link holds 256 random
// bits, and the table holds their hash.
//
// A link is made for one user, and its effect is on that user: nothing in a request
// names another one (authentik CVE-2023-26481). The link of a recovery holds the
// auth_gen of its user. When all sessions of the user end, because the password was
// changed, another link was used or an operator ended them, the open links of the user
// end with them.
//
// # Use
//
// [Store.Open] does not use a link up, since mail scanners follow links. [Link.Use]
// returns the write that does, for the transaction that stores the new credential. So
// only one of two concurrent requests has an effect.
package onetime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// Kind is the purpose of a link.
type Kind string

// The kinds that exist.
const (
	// Recover gives an existing user a new credential.
	Recover Kind = "recover"
	// Invite creates a new user.
	Invite Kind = "invite"
)

// The lifetimes of links.
const (
	RecoverLife   = 30 * time.Minute
	InviteLife    = 7 * 24 * time.Hour
	MaxInviteLife = 30 * 24 * time.Hour
)

var (
	// ErrUnknown is returned for a text that is no link of this kind, or a link
	// that expired so long ago that its item was deleted.
	ErrUnknown = errors.New("link is not known")
	// ErrExpired is returned when a link has expired.
	ErrExpired = errors.New("link has expired")
	// ErrUsed is returned when a link was used.
	ErrUsed = errors.New("link was used before")
)

// New is a link to make.
type New struct {
	Kind Kind
	// Life is how long it is valid, zero for the default of its kind. An invitation
	// may live up to [MaxInviteLife], and a recovery only [RecoverLife].
	Life time.Duration
	// User is the user of a recovery. An invitation has none: it gets a new
	// subject.
	User *identity.User
	// ResetOTP is true if a recovery also removes the authenticator app. Otherwise
	// a user with an app must enter a code together with the link.
	ResetOTP bool
	// UserName, Name and Email are what an invitation proposes; each may be
	// empty. EmailVerified is true if the address is known to belong to the user.
	UserName, Name, Email string
	EmailVerified         bool
	// Actor makes the link, and By is how it is delivered, such as "mail", both
	// for the audit trail.
	Actor, By string
	RequestID string
}

// Link is the stored content of a link.
type Link struct {
	// ID identifies the link. It is the hash of the secret, and no secret itself.
	ID   string
	Kind Kind
	// Subject is the subject of the user, for an invitation that of the future
	// user.
	Subject string
	// AuthGen is the user's auth_gen when the link of a recovery was made.
	AuthGen int64
	// The rest is as in [New].
	ResetOTP              bool
	UserName, Name, Email string
	EmailVerified         bool
	Actor                 string
	Created, Expires      time.Time

	store *Store
}

// Store keeps links in the sessions table. It is safe for concurrent use.
type Store struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	// Trail gets the audit entry of a new link. Only [Store.Create] needs it.
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

// secretLength is how many random bytes are in a link.
const secretLength = 32

// Create makes a link, with its audit entry in the same transaction, and returns it
// with its text, which cannot be computed again.
func (s *Store) Create(ctx context.Context, n New) (*Link, string, error) {
	now := s.Now(ctx).UTC()
	t := &Link{
		Kind: n.Kind, Actor: n.Actor, Created: time.Unix(now.Unix(), 0).UTC(), store: s,
		UserName: n.UserName, Name: n.Name, Email: n.Email, EmailVerified: n.EmailVerified && n.Email != "", ResetOTP: n.ResetOTP,
	}
	life, action := n.Life, audit.UserRecover
	switch {
	case n.Kind == Recover && n.User != nil && (life == 0 || life == RecoverLife):
		t.Subject, t.AuthGen, life = n.User.Subject, n.User.AuthGen, RecoverLife
	case n.Kind == Invite && n.User == nil && life >= 0 && life <= MaxInviteLife:
		t.Subject, action = identity.NewSubject(now), audit.UserInvite
		if life == 0 {
			life = InviteLife
		}
	default:
		return nil, "", fmt.Errorf("make a link: %q for %v is none", n.Kind, life)
	}
	t.Expires = t.Created.Add(life)
	secret := make([]byte, secretLength)
	_, _ = rand.Read(secret) // never an error: it ends the process instead
	t.ID = hash(secret)
	entry := audit.Entry{
		Actor: n.Actor, Action: action, Subject: t.Subject, Object: contract.UserPrefix.Of(t.Subject), Outcome: audit.Success,
		RequestID: n.RequestID, Detail: n.detail(t),
	}
	if err := (dynamo.Tx{dynamo.Create(s.Sessions, encode(t)), s.Trail.Put(ctx, entry)}).Run(ctx, s.DB); err != nil {
		return nil, "", fmt.Errorf("make a link to %s: %w", n.Kind, err)
	}
	return t, opaque.Write(opaque.OneTimeLink, secret), nil
}

// detail returns the details of the audit entry of a new link: neither its text nor a
// name.
func (n New) detail(t *Link) map[string]string {
	detail := map[string]string{"until": t.Expires.Format(time.RFC3339)}
	if n.By != "" {
		detail["by"] = n.By
	}
	if n.ResetOTP {
		detail["resets"] = "authenticator app"
	}
	return detail
}

// Open returns the link of a text and a kind, and does not use it up. It makes one
// consistent read, and none for a text that cannot be a link. The error is
// [ErrUnknown], also for a link of another kind, [ErrUsed] or [ErrExpired].
func (s *Store) Open(ctx context.Context, text string, kind Kind) (*Link, error) {
	secret, err := opaque.Read(opaque.OneTimeLink, text)
	if err != nil || len(secret) != secretLength {
		return nil, ErrUnknown
	}
	id := hash(secret)
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Sessions, Key: key(id), ConsistentRead: new(true)})
	if err != nil {
		return nil, fmt.Errorf("read a one-time link: %w", err)
	}
	if len(out.Item) == 0 {
		return nil, ErrUnknown
	}
	t, used, err := decode(id, out.Item)
	switch {
	case err != nil:
		return nil, err
	case t.Kind != kind:
		return nil, ErrUnknown
	case used:
		return nil, ErrUsed
	case t.Expires.Unix() <= s.Now(ctx).Unix():
		return nil, ErrExpired
	}
	t.store = s
	return t, nil
}

// Use returns the write that uses the link up, for the transaction of its effect. It
// fails with [ErrUsed] when the link was used or has expired.
func (t *Link) Use(ctx context.Context) dynamo.Write { return t.store.use(ctx, t.ID) }

// URL returns the address at which the user opens a link.
func URL(issuer string, kind Kind, text string) string {
	path := contract.Enroll.Path()
	if kind == Recover {
		path = contract.Enroll.Paths[1]
	}
	return issuer + path + "?" + Parameter + "=" + text
}

// Parameter is the query parameter with the text of a link.
const Parameter = "link"
