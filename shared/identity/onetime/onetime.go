// Package onetime makes links that let a person in once.
//
// Whoever has lost what they sign in with, and whoever is invited, has nothing yet
// to prove who they are. An operator gives them a link, or we mail it to an address
// that we know to be theirs, and with it they choose a passkey or a password. For
// that moment the link is as good as a password. So it is short-lived, is good
// once, says itself what it is for, and cannot be made from anything that we keep:
// 256 random bits are in the link, and in the table there is their hash.
//
// A link is made for a purpose and a person, and whatever it leads to is done to
// that person: nothing in a request names another one (authentik CVE-2023-26481).
// That of a recovery remembers the auth_gen of its user. When everything of a
// person ends, because the password was changed, another link was used or an
// operator said so, the links that are still out there end with it.
//
// Looking at a link uses nothing up: programs that check mail follow links. It is
// used up by Use, a write of the very transaction that gives the person what they
// sign in with, so that of two requests at once one does anything.
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

// Kind is what a link is for.
type Kind string

// The kinds that exist.
const (
	// Recover gives a person who is here something new to sign in with.
	Recover Kind = "recover"
	// Invite lets somebody in who is not here yet.
	Invite Kind = "invite"
)

// How long links are good.
const (
	RecoverLife   = 30 * time.Minute
	InviteLife    = 7 * 24 * time.Hour
	MaxInviteLife = 30 * 24 * time.Hour
)

var (
	// ErrUnknown says that a text is no link that we made for this purpose, or
	// one that expired so long ago that it is forgotten.
	ErrUnknown = errors.New("link is not known")
	// ErrExpired says that a link was good once.
	ErrExpired = errors.New("link has expired")
	// ErrUsed says that a link did what it was for.
	ErrUsed = errors.New("link was used before")
)

// New is a link to make.
type New struct {
	Kind Kind
	// Life is how long it is good, zero for the usual time of its kind. Only an
	// invitation may live longer, up to MaxInviteLife.
	Life time.Duration
	// User is who a recovery is for. An invitation has none: it gets the subject
	// of somebody new.
	User *identity.User
	// ResetOTP says that a recovery takes the authenticator app away, too. If
	// not, whoever has an app has to show a code of it beside the link.
	ResetOTP bool
	// UserName, Name and Email are what an invitation proposes; each may be
	// empty. EmailVerified says that the address is known to be the person's.
	UserName, Name, Email string
	EmailVerified         bool
	// Actor makes it, and By is the way it goes to the person, such as "mail",
	// both for the trail.
	Actor, By string
	RequestID string
}

// Link is what a link is good for.
type Link struct {
	// ID names the ticket. It opens nothing: it is the hash of what does.
	ID   string
	Kind Kind
	// Subject is whom it is for: of an invitation, the subject that the person
	// will have.
	Subject string
	// AuthGen is that of the user when the link of a recovery was made.
	AuthGen int64
	// The rest is as in New.
	ResetOTP              bool
	UserName, Name, Email string
	EmailVerified         bool
	Actor                 string
	Created, Expires      time.Time

	store *Store
}

// Store keeps tickets in the sessions table. It is safe for concurrent use.
type Store struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	// Trail takes the record of a new link. Only Create needs it.
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

// secretLength is how many random bytes are in a link.
const secretLength = 32

// Create makes a link, with its audit entry in the same transaction, and returns
// it with the text that opens it, which nobody can make again.
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

// detail is what the trail says of a new link: neither its text nor a name.
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

// Open returns what a link of that kind is good for, and uses nothing up. It makes
// one consistent read, and none for what can be no link. The error is ErrUnknown,
// also for a link of another kind, ErrUsed or ErrExpired.
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

// Use is the write that uses the link up, for the transaction that does what it is
// for. It fails with ErrUsed when the link has been used, or has expired by now.
func (t *Link) Use(ctx context.Context) dynamo.Write { return t.store.use(ctx, t.ID) }

// URL is the address at which a person opens a link.
func URL(issuer string, kind Kind, text string) string {
	path := contract.Enroll.Path()
	if kind == Recover {
		path = contract.Enroll.Paths[1]
	}
	return issuer + path + "?" + Parameter + "=" + text
}

// Parameter is what the text is called in the address of a link.
const Parameter = "link"
