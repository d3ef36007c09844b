package identity

import (
	"context"
	"errors"
	"maps"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

var (
	// ErrChanged is returned when the user has changed since the caller read them:
	// they were disabled, deleted or signed out everywhere, or another of their
	// credentials was changed. The caller reads the user again.
	ErrChanged = errors.New("the user has changed since they were read")
	// ErrEnded is returned when the user was deleted, disabled or signed out
	// everywhere since the sign-in that asks for a change.
	ErrEnded = errors.New("the user is gone, disabled or signed out everywhere")
)

// Change is the origin of a change of a credential: the user and their request.
type Change struct {
	// Subject is the user, who changes their own credentials.
	Subject string
	// AuthGen is the user's auth_gen when they signed in.
	AuthGen int64
	// From are the details of the audit entry about the origin of the request.
	From      map[string]string
	RequestID string
}

// Entry returns the audit entry of a change to object, with more details in pairs of
// names and values.
func (c Change) Entry(a audit.Action, object string, more ...string) audit.Entry {
	detail := maps.Clone(c.From)
	if detail == nil {
		detail = map[string]string{}
	}
	for ; len(more) > 1; more = more[2:] {
		detail[more[0]] = more[1]
	}
	return audit.Entry{
		Actor: c.Subject, Action: a, Subject: c.Subject, Object: object,
		Outcome: audit.Success, RequestID: c.RequestID, Detail: detail,
	}
}

// Unchanged returns the conditions on a user's item under which u may change their
// credentials: those of [dynamo.UserIs], and that no other credential has changed
// since. So when two tabs each remove one of the last two passkeys, one of them fails
// and reads again.
func (u *User) Unchanged() []dynamo.Condition {
	return append(dynamo.UserIs(u.AuthGen), dynamo.Counted(dynamo.AttrCredentials, u.Credentials))
}

// Changing returns the write of the user's item for the transaction of every change of
// a credential: a passkey, a password, an authenticator app, a linked account. It fails
// with [ErrChanged].
func (s *Store) Changing(u *User, c dynamo.Changes) dynamo.Write {
	c.Raise = append([]string{dynamo.AttrCredentials}, c.Raise...)
	return dynamo.Update(s.Registry, dynamo.UserKey(u.Subject), c, u.Unchanged()...).Else(ErrChanged)
}

// Write runs a change of u with its audit entry and more writes, in one transaction.
// It returns [ErrChanged], or the failure of one of the writes.
func (s *Store) Write(ctx context.Context, u *User, c dynamo.Changes, e audit.Entry, more ...dynamo.Write) error {
	tx := dynamo.Tx{s.Changing(u, c), s.Trail.Put(ctx, e)}
	return append(tx, more...).Run(ctx, s.DB)
}

// Current returns the user of a change as they are now. It returns [ErrEnded] when the
// sign-in no longer permits the change.
func (s *Store) Current(ctx context.Context, c Change) (*User, error) {
	u, err := s.Get(ctx, c.Subject)
	if errors.Is(err, ErrUnknown) || err == nil && (u.Disabled || u.AuthGen != c.AuthGen) {
		return nil, ErrEnded
	}
	return u, err
}

// attempts is how often a change is decided again after a concurrent change.
const attempts = 4

// Settle calls change with the current user, and calls it again with the user read
// again when it returns [ErrChanged]. The error is [ErrEnded], ErrChanged when every
// attempt meets a concurrent change, or that of change.
func (s *Store) Settle(ctx context.Context, c Change, change func(*User) error) error {
	var err error
	for range attempts {
		var u *User
		if u, err = s.Current(ctx, c); err != nil {
			return err
		}
		if err = change(u); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return err
}
