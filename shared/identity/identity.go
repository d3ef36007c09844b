// Package identity reads the users who may sign in, and checks their passwords.
//
// # Users
//
// A [User] has a subject, the "sub" of their tokens, which is assigned once and never
// changes, and a user name, which they type to sign in. Both are items of the registry
// table. The user item holds the data of the user. The name item leads from the name to
// the user item and keeps the name unique. A sign-in finds the user with [Store.Find]
// and checks the password with [Store.Check]. Package admin creates and disables users,
// and package credential changes their credentials.
//
// # Passwords
//
// A password is stored as argon2id of its HMAC under a pepper, a key that is not in the
// table. So the table alone does not allow offline guessing. For a name that
// does not exist Find makes the same reads and Check does the same work. So neither
// the response nor its time reveals which users exist.
//
// # Concurrent changes
//
// Find and Get read the user item with a consistent read; only the name item may be
// outdated. So a sign-in asks for the code of an authenticator app as soon as the app
// was added. The user may change right after the read. Two counters of the user item
// make that safe. The auth_gen is raised whenever all sessions of the user end, and
// every transaction that creates a session requires the value that was read. Likewise
// every change of a credential requires the counter of credentials that was read, see
// [Store.Changing].
package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// ErrUnknown is returned when there is no user of that name or subject.
var ErrUnknown = errors.New("no such user")

// SubjectPrefix begins the subject of every user. So it is never the id of a client,
// which is the subject of the tokens that a client gets for itself.
const SubjectPrefix = "usr_"

// User is a user, with the data of the user item.
type User struct {
	// Subject is assigned at creation, never changed and never reused.
	Subject string
	// UserName is what the user types to sign in. It is compared without regard
	// to case.
	UserName string
	Name     string
	Email    string
	// EmailVerified is true if an operator has confirmed that the address belongs
	// to the user. Only an operator can set it: clients identify users by verified
	// addresses.
	EmailVerified bool
	// Disabled users keep their registration and cannot sign in.
	Disabled bool
	// OTP is true if the user has an authenticator app: a password, or an account
	// at an upstream, is only the first step of their sign-in.
	OTP bool
	// Credentials counts the changes of the user's credentials. A change requires
	// the value that was read, see [Store.Changing].
	Credentials int64
	// AuthGen counts how often all sessions of the user were ended at once.
	AuthGen int64
	// Revision counts the writes of the data that a registry file contains, from
	// 1: everything above except OTP, Credentials and AuthGen.
	Revision int64

	password *record
}

// HasPassword reports whether the user has a password.
func (u *User) HasPassword() bool { return u.password != nil }

// NewSubject returns a new, unique subject.
func NewSubject(now time.Time) string {
	return SubjectPrefix + strings.ToLower(audit.NewID(now).String())
}

// maxName is the length of the longest user name.
const maxName = 64

// ValidUserName reports whether name can be a user name: 1 to 64 ASCII letters,
// digits, ".", "_", "@", "+" and "-". With these characters no two names look alike,
// which would allow impersonation.
func ValidUserName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		c := name[i] | 0x20 // letters in lower case
		if (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && strings.IndexByte("._@+-", name[i]) < 0 {
			return false
		}
	}
	return true
}

// Store is the users of one stage. It is safe for concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Registry string
	Peppers  Peppers
	// Trail gets the audit entries of changes. Only methods that write need it.
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

// Find returns the user of that name, disabled or not, or [ErrUnknown]. It makes two
// reads, also for a name that does not exist, and the read of the user is consistent.
// It makes none for a text that cannot be a name.
func (s *Store) Find(ctx context.Context, userName string) (*User, error) {
	if !ValidUserName(userName) {
		return nil, fmt.Errorf("user name is malformed: %w", ErrUnknown)
	}
	it, err := s.read(ctx, NameKey(userName), false)
	if err != nil {
		return nil, err
	}
	subject := it.Text(attrOwner)
	if subject == "" {
		subject = nobody
	}
	if it, err = s.read(ctx, dynamo.UserKey(subject), true); err != nil {
		return nil, err
	}
	if len(it) == 0 {
		return nil, ErrUnknown
	}
	u, err := Decode(it)
	if err != nil {
		return nil, err
	}
	// The two reads are not atomic: the name may have been freed and given to
	// another user in between.
	if !strings.EqualFold(u.UserName, userName) {
		return nil, ErrUnknown
	}
	return u, nil
}

// This subject is never assigned.
const nobody = SubjectPrefix + "nobody"

// Get returns the user of that subject, disabled or not, or [ErrUnknown], with one
// consistent read.
func (s *Store) Get(ctx context.Context, subject string) (*User, error) {
	it, err := s.read(ctx, dynamo.UserKey(subject), true)
	if err != nil {
		return nil, err
	}
	if len(it) == 0 {
		return nil, fmt.Errorf("%s: %w", subject, ErrUnknown)
	}
	return Decode(it)
}

func (s *Store) read(ctx context.Context, key dynamo.Item, consistent bool) (dynamo.Item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Registry, Key: key, ConsistentRead: &consistent})
	if err != nil {
		return nil, fmt.Errorf("read a user from the registry: %w", err)
	}
	return out.Item, nil
}
