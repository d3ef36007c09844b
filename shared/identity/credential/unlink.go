package credential

import (
	"context"
	"errors"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
)

// Unlink removes the link of an account, and does nothing when the user has none of
// that id. A link that cannot sign in at present does not count as a way to sign in and
// can always be removed. The error is [ErrLast], identity.ErrEnded or
// identity.ErrChanged.
func (s *Service) Unlink(ctx context.Context, c identity.Change, id string) error {
	return s.Users.Settle(ctx, c, func(u *identity.User) error {
		w, err := s.Ways(ctx, u)
		if err != nil {
			return err
		}
		l := w.link(id)
		if l == nil {
			return nil // removed in another tab, or of another user
		}
		if w.At(*l) != nil {
			if err := w.removable(); err != nil {
				return err
			}
		}
		e := c.Entry(audit.LinkRemove, contract.ExternalAccountPrefix.Of(l.ID), external.DetailUpstream, l.Upstream)
		err = s.Users.Write(ctx, u, dynamo.Changes{}, e, s.Links.Removing(l)...)
		if errors.Is(err, external.ErrUnknown) {
			return identity.ErrChanged
		}
		return err
	})
}
