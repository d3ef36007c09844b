package external

import (
	"context"
	"errors"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
)

// DetailUpstream is the detail with the id of the upstream in an audit entry about a
// link.
const DetailUpstream = "upstream"

// Link links an account to the user. The error is [ErrTwice], [ErrTaken], [ErrTooMany],
// identity.ErrEnded or identity.ErrChanged.
func (s *Store) Link(ctx context.Context, c identity.Change, a Account) error {
	return s.People.Settle(ctx, c, func(u *identity.User) error {
		have, err := s.List(ctx, u.Subject) // after the user, so that no link is missed
		if err != nil {
			return err
		}
		link, writes, err := s.Adding(ctx, u.Subject, a, have)
		if err != nil {
			return err
		}
		return s.People.Write(ctx, u, dynamo.Changes{}, linked(c, link), writes...)
	})
}

// linked returns the audit entry of a link that was made by a sign-in at an upstream.
func linked(c identity.Change, l *Link) audit.Entry {
	return c.Entry(audit.LinkAdd, contract.ExternalAccountPrefix.Of(l.ID), DetailUpstream, l.Upstream, "method", DetailUpstream)
}

// newNames is how many user names are tried for a new user.
const newNames = 6

// Create creates a user who signs in with an account, with an invitation, nil for none.
// When the user name is taken it calls another for the next one. The error is
// [ErrTaken] when the account was linked in between, onetime.ErrUsed, or admin.ErrTaken
// when no name was free.
func (s *Store) Create(ctx context.Context, c identity.Change, n admin.New, a Account, invitation *onetime.Link, another func() string) (*identity.User, error) {
	link, writes, err := s.Adding(ctx, n.Subject, a, nil)
	if err != nil {
		return nil, err
	}
	n.Also = append(writes, s.People.Trail.Put(ctx, linked(c, link)))
	if invitation != nil {
		n.Also = append(n.Also, invitation.Use(ctx))
	}
	users := &admin.Store{Store: s.People, Actor: n.Subject}
	for range newNames {
		user, err := users.Create(ctx, n)
		if !errors.Is(err, admin.ErrTaken) {
			return user, err
		}
		n.UserName = another()
	}
	return nil, admin.ErrTaken
}
