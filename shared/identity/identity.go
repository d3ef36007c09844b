// Package identity knows the people who may sign in, and checks their
// passwords.
//
// A person has a subject, the "sub" of their tokens, which is given once and
// never changes, and a user name, which is what they type. Both are items of
// the registry table: the user item holds all that is known, and the name item
// leads from the name to it and keeps the name unique. Whoever signs in is
// found by Find and proved by Check. Nobody is created or changed here; package
// roster does that.
//
// A password is kept as argon2id of its HMAC under a pepper, a key that is not
// in the table: who steals the table can not even begin to guess. For a name
// that does not exist Find makes the same reads and Check does the same work,
// so that neither the answer nor its time tells who has an account.
//
// What Find and Get say of a person is true when they say it, but for the name: who
// added an authenticator app a moment ago is asked for its code. It may change right
// afterwards. That is safe because of auth_gen, a counter of the user item that moves
// whenever all sessions of the person end: whoever creates a session does so on the
// condition that it is still what was seen.
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

// ErrUnknown says that there is nobody of that name or subject.
var ErrUnknown = errors.New("no such user")

// SubjectPrefix begins the subject of every person, so that it is never the id
// of a client, which is the subject of a client's own tokens.
const SubjectPrefix = "usr_"

// User is a person.
type User struct {
	// Subject is given at creation, never changed and never given again.
	Subject string
	// UserName is what the person types to sign in. Upper and lower case are
	// the same person.
	UserName string
	Name     string
	Email    string
	// EmailVerified says that an operator knows the address to be the
	// person's. Nobody else can say so: clients take people for those whose
	// address it is.
	EmailVerified bool
	// Disabled people keep their registration and cannot sign in.
	Disabled bool
	// OTP says that the person has an authenticator app: a password, or an
	// account elsewhere, is only the first step for them.
	OTP bool
	// Credentials counts the changes of what the person signs in with. Whoever
	// changes any of it does so on the condition that it is still what they
	// saw, see Store.Changing.
	Credentials int64
	// AuthGen is how often all sessions of the person were ended at once.
	AuthGen int64
	// Revision counts the writes of what a registry file says of this user,
	// from 1: everything above but OTP, Credentials and AuthGen.
	Revision int64

	password *record
}

// HasPassword reports whether the person can sign in with a password at all.
func (u *User) HasPassword() bool { return u.password != nil }

// NewSubject returns a subject that nobody has.
func NewSubject(now time.Time) string {
	return SubjectPrefix + strings.ToLower(audit.NewID(now).String())
}

// maxName is the length of the longest user name.
const maxName = 64

// ValidUserName reports whether name can be a user name: 1 to 64 ASCII letters,
// digits, ".", "_", "@", "+" and "-". In these a name has one spelling: one that
// looks like another is a way to impersonate.
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

// Store is the people of one stage. It is safe for concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Registry string
	Peppers  Peppers
	// Trail takes the record of a rehash. Only Rehash needs it.
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

// Find returns the user of that name, disabled or not, or ErrUnknown. It makes
// two reads, of which the one of the user is consistent, also for a name that nobody
// has; only for what can not be a name it makes none.
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
	if it, err = s.read(ctx, Key(subject), true); err != nil {
		return nil, err
	}
	if len(it) == 0 {
		return nil, ErrUnknown
	}
	u, err := Decode(it)
	if err != nil {
		return nil, err
	}
	// The two reads are not of one moment: the name may have been freed and
	// given to somebody else in between.
	if !strings.EqualFold(u.UserName, userName) {
		return nil, ErrUnknown
	}
	return u, nil
}

// nobody is a subject that is never given.
const nobody = SubjectPrefix + "nobody"

// Get returns the user of that subject, disabled or not, or ErrUnknown, with
// one consistent read.
func (s *Store) Get(ctx context.Context, subject string) (*User, error) {
	it, err := s.read(ctx, Key(subject), true)
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
