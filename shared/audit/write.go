package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ErrBusy says that other transactions held the same items, or DynamoDB
// throttled, at every attempt. Nothing was written.
var ErrBusy = errors.New("items are busy with other transactions")

// ConditionError says that the condition of one item did not hold. Nothing was
// written.
type ConditionError struct {
	// Index is the place of the item among those given to Write.
	Index int
	// Item is what is stored, if the write asked for it with
	// ReturnValuesOnConditionCheckFailure.
	Item map[string]types.AttributeValue
}

func (e *ConditionError) Error() string {
	return fmt.Sprintf("condition of item %d does not hold", e.Index)
}

// A transaction that meets another one is tried again after a random wait of
// up to firstWait, twice that, and so on up to maxWait: about half a second in
// all on average.
const (
	attempts  = 6
	firstWait = 20 * time.Millisecond
	maxWait   = 400 * time.Millisecond
)

// Write runs items as one transaction: all of them are written or none. It
// repeats what DynamoDB cancels because of another transaction, which the SDK
// does not.
//
// The error is a *ConditionError, ErrBusy, or another one. After another one,
// such as a timeout, the transaction may have been applied; with an entry of a
// known ID among the items, Written tells.
func Write(ctx context.Context, db *dynamodb.Client, items ...types.TransactWriteItem) error {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		_, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
		if err == nil {
			return nil
		}
		err = cause(err)
		if !errors.Is(err, ErrBusy) || attempt == attempts {
			return fmt.Errorf("write transaction: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("write transaction: %w", err)
		case <-time.After(rand.N(wait)): //nolint:gosec // G404: a wait is no secret
		}
		wait = min(2*wait, maxWait)
	}
}

// cause translates the reasons of a cancelled transaction. A condition that
// does not hold outweighs a conflict beside it: it would not hold later either.
func cause(err error) error {
	canceled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return err
	}
	busy := false
	for i, reason := range canceled.CancellationReasons {
		if reason.Code == nil {
			continue
		}
		switch *reason.Code {
		case "ConditionalCheckFailed":
			return &ConditionError{Index: i, Item: reason.Item}
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			busy = true
		}
	}
	if busy {
		return ErrBusy
	}
	return err
}
