package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
)

// A write that meets a running transaction is tried again like a transaction
// that meets another one, see audit.Write.
const (
	attempts  = 6
	firstWait = 20 * time.Millisecond
	maxWait   = 400 * time.Millisecond
)

// passes is how often a change of several items is planned anew because others
// were faster.
const passes = 20

// update runs one UpdateItem. It repeats what a running transaction keeps from
// being written, which the SDK does not, and then returns audit.ErrBusy.
func (s *Store) update(ctx context.Context, in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		out, err := s.DB.UpdateItem(ctx, in)
		if _, conflict := errors.AsType[*types.TransactionConflictException](err); !conflict {
			return out, err
		}
		if attempt == attempts {
			return nil, audit.ErrBusy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rand.N(wait)): //nolint:gosec // G404: a wait is no secret
		}
		wait = min(2*wait, maxWait)
	}
}
