package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// RenewLogin makes a new sign-in of the person to whom the login l belongs, at the
// same browser, the sign-in of that login: with a new cookie, after which the one
// before knows nothing, and with all that hangs on the login as it was. So a person
// who proves once more who they are, to do something that asks for it, loses none
// of their applications.
//
// It returns ErrEnded when l is no longer live or was renewed meanwhile, and the
// other errors of CreateLogin.
func (s *Store) RenewLogin(ctx context.Context, l *Login, n NewLogin) (*Login, string, error) {
	if n.Subject != l.Subject {
		return nil, "", fmt.Errorf("renew login %s: it is somebody else's", l.ID)
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

// renewing is the write that makes a login the next one.
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
		c.Remove = append(c.Remove, attr) // the client, where it is unknown
	}
	conditions := append(isLive(s.Now(ctx)), dynamo.Equal(attrHash, dynamo.Bytes(l.hash)))
	return dynamo.Update(s.Sessions, KindLogin.key(l.Subject, l.ID), c, conditions...)
}
