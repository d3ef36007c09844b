package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
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
	fixed := []types.TransactWriteItem{
		s.userIs(n.Subject, n.AuthGen),
		s.renewing(ctx, l, next),
		s.Trail.Put(ctx, audit.Entry{
			Actor: n.Subject, Action: ActionRenew, Subject: n.Subject, Object: KindLogin.sort(l.ID),
			Outcome: audit.Success, RequestID: n.RequestID, Detail: n.ClientInfo.Detail("amr", strings.Join(n.AMR, " ")),
		}),
	}
	err = audit.Write(ctx, s.DB, slices.Concat(fixed, n.Also)...)
	condition, ok := errors.AsType[*audit.ConditionError](err)
	switch {
	case ok && condition.Index == 0:
		err = ErrStale
	case ok && condition.Index == 1:
		err = ErrEnded
	case ok && condition.Index >= len(fixed):
		err = &AlsoError{Index: condition.Index - len(fixed), Item: condition.Item}
	}
	if err != nil {
		return nil, "", fmt.Errorf("renew login %s: %w", l.ID, err)
	}
	return next, cookie, nil
}

// renewing is the write that makes a login the next one.
func (s *Store) renewing(ctx context.Context, l, next *Login) types.TransactWriteItem {
	it := encodeLogin(next)
	attrs := []string{attrHash, attrProved, attrAuthGen, attrAuthTime, attrAMR, attrUsed, attrIdle, attrAbsolute, attrIP, attrAgent, "ttl"}
	var set, gone []string
	values := dynamo.Item{":active": dynamo.Text(stateActive), ":before": dynamo.Bytes(l.hash), ":at": dynamo.Seconds(s.Now(ctx))}
	for _, attr := range attrs {
		if value, ok := it[attr]; ok {
			set = append(set, "#"+attr+" = :"+attr)
			values[":"+attr] = value
			continue
		}
		gone = append(gone, "#"+attr) // the device, where it is unknown
	}
	update := "SET " + strings.Join(set, ", ")
	if len(gone) > 0 {
		update += " REMOVE " + strings.Join(gone, ", ")
	}
	condition := "#state = :active AND #hash = :before AND #idle > :at AND #abs > :at"
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Sessions, Key: KindLogin.key(l.Subject, l.ID),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: dynamo.Names(append(attrs, attrState)...), ExpressionAttributeValues: values,
	}}
}
