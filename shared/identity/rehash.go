package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Rehash stores the password that [Store.Check] has just accepted in the current form,
// in one transaction with its audit entry. It does nothing when the password has changed
// since. The old form stays valid, so a caller continues after an error.
func (s *Store) Rehash(ctx context.Context, u *User, password, requestID string) error {
	hash, err := s.Hash(ctx, password)
	if err != nil {
		return err
	}
	err = dynamo.Tx{
		dynamo.Update(s.Registry, dynamo.UserKey(u.Subject),
			dynamo.Changes{Set: dynamo.Item{AttrPassword: dynamo.Text(hash)}},
			dynamo.Equal(AttrPassword, dynamo.Text(u.password.String()))).Else(ErrChanged),
		s.Trail.Put(ctx, audit.Entry{
			Actor: u.Subject, Action: audit.UserRehash, Subject: u.Subject, Object: contract.UserPrefix.Of(u.Subject),
			Outcome: audit.Success, RequestID: requestID,
		}),
	}.Run(ctx, s.DB)
	if errors.Is(err, ErrChanged) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rehash the password of %s: %w", u.Subject, err)
	}
	return nil
}
