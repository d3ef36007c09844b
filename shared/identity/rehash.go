package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Rehash keeps the password that Check has just admitted in the form of today:
// one transaction with its audit entry. When the password was changed in the
// meantime it does nothing. The old form works as before, so a caller goes on
// after an error.
func (s *Store) Rehash(ctx context.Context, u *User, password, requestID string) error {
	hash, err := s.Hash(ctx, password)
	if err != nil {
		return err
	}
	update := types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Registry, Key: Key(u.Subject),
		UpdateExpression:    new("SET " + AttrPassword + " = :new"),
		ConditionExpression: new(AttrPassword + " = :old"),
		ExpressionAttributeValues: dynamo.Item{
			":new": dynamo.Text(hash), ":old": dynamo.Text(u.password.String()),
		},
	}}
	entry := s.Trail.Put(ctx, audit.Entry{
		Actor: u.Subject, Action: audit.UserRehash, Subject: u.Subject, Object: "user#" + u.Subject,
		Outcome: audit.Success, RequestID: requestID,
	})
	err = audit.Write(ctx, s.DB, update, entry)
	if _, changed := errors.AsType[*audit.ConditionError](err); changed {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rehash the password of %s: %w", u.Subject, err)
	}
	return nil
}
