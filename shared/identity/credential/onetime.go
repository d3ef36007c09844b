package credential

import (
	"context"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Choice is the credential that the user of a one-time link has chosen: a password or a
// passkey.
type Choice struct {
	Password string
	// Passkey is nil when the choice is a password.
	Passkey *passkey.Made
}

// writes returns the writes that store the choice outside of the user's item.
func (s *Service) writes(ctx context.Context, choice Choice, requestID string) []dynamo.Write {
	if choice.Passkey == nil {
		return nil
	}
	return s.Passkeys.Adding(ctx, choice.Passkey, requestID)
}

// Accept creates the user of an invitation with the chosen credential, and uses the
// invitation up. The error is that of [admin.Store.Create], onetime.ErrUsed, or a
// [*passkey.RefusedError].
func (s *Service) Accept(ctx context.Context, invitation *onetime.Link, n admin.New, choice Choice) (*identity.User, error) {
	n.Password = choice.Password
	if choice.Passkey != nil {
		n.SignsInWith = "passkey"
	}
	n.Also = append([]dynamo.Write{invitation.Use(ctx)}, s.writes(ctx, choice, n.RequestID)...)
	return (&admin.Store{Store: s.Users, Actor: invitation.Subject}).Create(ctx, n)
}

// Recover gives u the chosen credential and ends all of their sessions. It uses up the
// link, the challenge of a passkey, and the code that the user entered with the link,
// nil for none. A link with ResetOTP also removes the authenticator app. The error is
// session.ErrStale or session.ErrUnknown when u has changed since they were read,
// onetime.ErrUsed, a [*passkey.RefusedError], otp.ErrUsed, or an [*admin.WeakError].
func (s *Service) Recover(ctx context.Context, u *identity.User, link *onetime.Link, choice Choice, code *otp.Accepted, requestID string) error {
	cause := session.Cause{Why: session.Recovered, Actor: u.Subject, RequestID: requestID}
	change := dynamo.UserChange{If: u.Unchanged(), Also: append([]dynamo.Write{link.Use(ctx)}, s.writes(ctx, choice, requestID)...)}
	if choice.Passkey == nil {
		var err error
		if change.Changes, err = (&admin.Store{Store: s.Users, Actor: u.Subject}).Password(ctx, u, choice.Password); err != nil {
			return err
		}
		cause.Action = audit.UserPassword
	}
	if code != nil {
		change.Also = append(change.Also, code.Use)
	}
	if u.OTP && link.ResetOTP {
		change.Remove = []string{identity.AttrOTP}
		change.Also = append(change.Also, s.Apps.Removal(u.Subject), s.Users.Trail.Put(ctx, audit.Entry{
			Actor: link.Actor, Action: audit.OTPRemove, Subject: u.Subject, Object: contract.UserPrefix.Of(u.Subject),
			Outcome: audit.Success, RequestID: requestID,
		}))
	}
	_, err := s.Sessions.ChangeUser(ctx, u.Subject, change, cause)
	return err
}
