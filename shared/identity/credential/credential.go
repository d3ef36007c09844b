// Package credential changes the credentials of users: passwords, passkeys,
// authenticator apps, recovery codes and linked accounts.
//
// # One transaction
//
// Every method that changes something runs one transaction. It holds the change, its
// audit entry, what the change uses up (a one-time link, a code, a challenge), and the
// user's item on the condition that the user is unchanged since they were read (see
// [identity.User.Unchanged]). So no change is made on outdated data. A concurrent change
// in another tab is no error: the method reads the user again and decides again.
//
// # The last way to sign in
//
// The only remaining password, passkey or linked account is not removed. The rule is
// part of the decision that the transaction checks, so that no page can forget it.
//
// # What ends everything
//
// The replacement of a password, a recovery and the disabling of a user end all sessions
// of the user in the same transaction, with [session.Store.ChangeUser].
package credential

import (
	"context"
	"errors"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// ErrLast is returned when the credential to remove is the only way to sign in.
var ErrLast = errors.New("it is the last way to sign in")

// Service changes credentials. It is safe for concurrent use.
type Service struct {
	Users    *identity.Store
	Passkeys *passkey.Store
	Apps     *otp.Store
	Links    *external.Store
	// Upstreams determine which linked accounts can sign in.
	Upstreams *upstream.Store
	Sessions  *session.Store
}

// AddPasskey gives the user a passkey that a device has made. The error is
// passkey.ErrTooMany, a *passkey.RefusedError, identity.ErrEnded or identity.ErrChanged.
func (s *Service) AddPasskey(ctx context.Context, c identity.Change, m *passkey.Made) error {
	return s.Users.Settle(ctx, c, func(u *identity.User) error { return s.Passkeys.Add(ctx, u, m, c.RequestID) })
}

// RenamePasskey gives a passkey of the user another name. The error is
// passkey.ErrUnknown or identity.ErrEnded.
func (s *Service) RenamePasskey(ctx context.Context, c identity.Change, id, name string) error {
	if _, err := s.Users.Current(ctx, c); err != nil {
		return err
	}
	p, err := s.Passkeys.Get(ctx, c.Subject, id)
	if err != nil {
		return err
	}
	return s.Passkeys.Rename(ctx, p, name, c.RequestID)
}

// RemovePasskey removes a passkey of the user, and does nothing when the user has none
// of that id. The error is [ErrLast], identity.ErrEnded or identity.ErrChanged.
func (s *Service) RemovePasskey(ctx context.Context, c identity.Change, id string) error {
	return s.Users.Settle(ctx, c, func(u *identity.User) error {
		w, err := s.Ways(ctx, u)
		if err != nil {
			return err
		}
		p := w.passkey(id)
		if p == nil {
			return nil // removed in another tab, or of another user
		}
		if err := w.removable(); err != nil {
			return err
		}
		err = s.Passkeys.Remove(ctx, u, p, c.RequestID)
		if errors.Is(err, passkey.ErrUnknown) {
			return nil
		}
		return err
	})
}

// AddApp adds the authenticator app of a secret, confirmed by the code that it shows
// now, and returns the recovery codes. The error is otp.ErrWrong, otp.ErrExists,
// identity.ErrEnded or identity.ErrChanged.
func (s *Service) AddApp(ctx context.Context, c identity.Change, secret otp.Secret, typed string) (codes []string, err error) {
	err = s.Users.Settle(ctx, c, func(u *identity.User) error {
		codes, err = s.Apps.Add(ctx, u, secret, typed, c.RequestID)
		return err
	})
	return codes, err
}

// RemoveApp removes the authenticator app and the recovery codes of the user. An app is
// no way to sign in by itself, so it can always be removed. The error is otp.ErrNone,
// identity.ErrEnded or identity.ErrChanged.
func (s *Service) RemoveApp(ctx context.Context, c identity.Change) error {
	return s.Users.Settle(ctx, c, func(u *identity.User) error { return s.Apps.Remove(ctx, u, c.RequestID) })
}

// RecoveryCodes replaces the recovery codes of the user and returns the new ones. The
// error is otp.ErrNone, identity.ErrEnded or identity.ErrChanged.
func (s *Service) RecoveryCodes(ctx context.Context, c identity.Change) (codes []string, err error) {
	err = s.Users.Settle(ctx, c, func(u *identity.User) error {
		codes, err = s.Apps.NewCodes(ctx, u, c.RequestID)
		return err
	})
	return codes, err
}

// DetailPassword is the detail of the audit entry about a password that was the first of
// its user, or was removed.
const (
	DetailPassword  = "password"
	PasswordFirst   = "first"
	PasswordRemoved = "removed"
)

// SetPassword sets the password of the user. A replacement ends all sessions of the
// user, so that the old password is of no more use to a thief. The caller signs the user
// in again: ended is the user after that. A first password ends nothing, and ended is
// nil. The error is an [*admin.WeakError], identity.ErrEnded or identity.ErrChanged. The
// caller asks the user again after ErrChanged.
func (s *Service) SetPassword(ctx context.Context, c identity.Change, password string) (ended *identity.User, err error) {
	u, err := s.Users.Current(ctx, c)
	if err != nil {
		return nil, err
	}
	changes, err := (&admin.Store{Store: s.Users, Actor: u.Subject}).Password(ctx, u, password)
	if err != nil {
		return nil, err
	}
	if !u.HasPassword() {
		// Without Settle: a user who has set one in another tab is asked again.
		e := c.Entry(audit.UserPassword, contract.UserPrefix.Of(u.Subject), DetailPassword, PasswordFirst)
		return nil, s.Users.Write(ctx, u, changes, e)
	}
	changes.Raise = []string{dynamo.AttrCredentials}
	cause := session.Cause{Why: session.Password, Actor: u.Subject, Action: audit.UserPassword, RequestID: c.RequestID}
	_, err = s.Sessions.ChangeUser(ctx, u.Subject, dynamo.UserChange{Changes: changes, If: u.Unchanged()}, cause)
	if errors.Is(err, session.ErrStale) {
		if _, err := s.Users.Current(ctx, c); err != nil {
			return nil, err
		}
		return nil, identity.ErrChanged
	}
	if err != nil {
		return nil, err
	}
	u, err = s.Users.Get(ctx, u.Subject)
	if errors.Is(err, identity.ErrUnknown) || err == nil && u.Disabled {
		return nil, identity.ErrEnded
	}
	return u, err
}

// RemovePassword removes the password of the user, and does nothing when there is none.
// The error is [ErrLast], identity.ErrEnded or identity.ErrChanged.
func (s *Service) RemovePassword(ctx context.Context, c identity.Change) error {
	return s.Users.Settle(ctx, c, func(u *identity.User) error {
		if !u.HasPassword() {
			return nil // removed in another tab
		}
		w, err := s.Ways(ctx, u)
		if err != nil {
			return err
		}
		if err := w.removable(); err != nil {
			return err
		}
		e := c.Entry(audit.UserPassword, contract.UserPrefix.Of(u.Subject), DetailPassword, PasswordRemoved)
		return s.Users.Write(ctx, u, dynamo.Changes{Remove: []string{identity.AttrPassword}}, e)
	})
}
