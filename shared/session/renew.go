package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// RenewLogin replaces the sign-in of the login l by a new one of the same user in the
// same browser. The login gets a new cookie and the old cookie becomes invalid. The
// grants of the login stay as they are. So a user who authenticates again for a
// sensitive action keeps their applications.
//
// It returns [ErrEnded] when l is no longer live or was renewed since it was read, and
// the other errors of [Store.CreateLogin].
func (s *Store) RenewLogin(ctx context.Context, l *Login, n NewLogin) (*Login, string, error) {
	if n.Subject != l.Subject {
		return nil, "", fmt.Errorf("renew login %s: it belongs to another user", l.ID)
	}
	if len(n.Also) > MaxAlso {
		return nil, "", fmt.Errorf("renew login %s: %d writes beside it are too many", l.ID, len(n.Also))
	}
	next, cookie, err := n.login(l.ID, s.Now(ctx).UTC())
	if err != nil {
		return nil, "", fmt.Errorf("renew login %s: %w", l.ID, err)
	}
	next.Created = l.Created
	tx := dynamo.Tx{
		dynamo.CheckUser(s.Registry, n.Subject, n.AuthGen).Else(ErrStale),
		s.renewing(ctx, l, next).Else(ErrEnded),
		s.Trail.Put(ctx, audit.Entry{
			Actor: n.Subject, Action: ActionRenew, Subject: n.Subject, Object: KindLogin.sort(l.ID),
			Outcome: audit.Success, RequestID: n.RequestID, Detail: n.ClientInfo.Detail("amr", strings.Join(n.AMR, " ")),
		}),
	}
	err = append(tx, n.Also...).Run(ctx, s.DB)
	if err != nil {
		return nil, "", fmt.Errorf("renew login %s: %w", l.ID, err)
	}
	return next, cookie, nil
}

// renewing returns the write that replaces the login l by next.
func (s *Store) renewing(ctx context.Context, l, next *Login) dynamo.Write {
	it := encodeLogin(next)
	c := dynamo.Changes{Set: dynamo.Item{}}
	for _, attr := range []string{
		attrHash, attrProved, attrAuthGen, attrAuthTime, attrAMR, attrUsed, attrIdle, attrAbsolute, attrIP, attrAgent, contract.TTL,
	} {
		if value, ok := it[attr]; ok {
			c.Set[attr] = value
			continue
		}
		c.Remove = append(c.Remove, attr) // an unknown IP or agent
	}
	conditions := append(isLive(s.Now(ctx)), dynamo.Equal(attrHash, dynamo.Bytes(l.hash)))
	return dynamo.Update(s.Sessions, KindLogin.key(l.Subject, l.ID), c, conditions...)
}
