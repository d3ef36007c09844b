package identity

import (
	"context"
	"errors"
	"maps"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

var (
	// ErrChanged is returned when the user is not what the caller read any more:
	// they were disabled or removed, everything of theirs was ended, or something
	// else of what they sign in with was changed. The caller reads the user again.
	ErrChanged = errors.New("the user has changed since they were read")
	// ErrEnded is returned when the user is gone or disabled, or everything of
	// theirs has ended since the sign-in that asks for a change.
	ErrEnded = errors.New("the user is gone, disabled or signed out everywhere")
)

// Change is who asks for a change of what a user signs in with, and where from.
type Change struct {
	// Subject is the user, who makes the change themselves.
	Subject string
	// AuthGen is that of the user when they signed in.
	AuthGen int64
	// From are the details of the audit entry that say where the request came from.
	From      map[string]string
	RequestID string
}

// Entry is the audit entry of a change to object, with more details in pairs of
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

// Unchanged returns the conditions on a user's item under which u may change what
// they sign in with: those of [dynamo.UserIs], and that no other change came in
// between. So of two tabs that each remove one of the last two passkeys, one is
// told to look again.
func (u *User) Unchanged() []dynamo.Condition {
	return append(dynamo.UserIs(u.AuthGen), dynamo.Counted(dynamo.AttrCredentials, u.Credentials))
}

// Changing is the write of the user's item that goes with every change of what a
// user signs in with, in the same transaction: a passkey, a password, an
// authenticator app, a linked account. It fails with ErrChanged.
func (s *Store) Changing(u *User, c dynamo.Changes) dynamo.Write {
	c.Raise = append([]string{dynamo.AttrCredentials}, c.Raise...)
	return dynamo.Update(s.Registry, dynamo.UserKey(u.Subject), c, u.Unchanged()...).Else(ErrChanged)
}

// Write runs a change of u with its audit entry and more writes, in one transaction.
// It returns ErrChanged, or the failure of one of the writes.
func (s *Store) Write(ctx context.Context, u *User, c dynamo.Changes, e audit.Entry, more ...dynamo.Write) error {
	tx := dynamo.Tx{s.Changing(u, c), s.Trail.Put(ctx, e)}
	return append(tx, more...).Run(ctx, s.DB)
}

// Current returns the user of a change as they are now. The error is ErrEnded when
// the change must not be made on the strength of the sign-in.
func (s *Store) Current(ctx context.Context, c Change) (*User, error) {
	u, err := s.Get(ctx, c.Subject)
	if errors.Is(err, ErrUnknown) || err == nil && (u.Disabled || u.AuthGen != c.AuthGen) {
		return nil, ErrEnded
	}
	return u, err
}

// attempts is how often a change is decided again because others were faster.
const attempts = 4

// Settle decides a change on what is true of the user, and decides again when
// something else of theirs was changed in between. The error is ErrEnded, ErrChanged
// when that goes on and on, or that of change.
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
