package dynamo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// MaxWrites is how many writes DynamoDB takes in one transaction.
const MaxWrites = 100

var (
	// ErrBusy is returned when other transactions held the same items, or DynamoDB
	// throttled, at every attempt. Nothing was written.
	ErrBusy = errors.New("items are busy with other transactions")
	// ErrCondition is wrapped by the [FailedError] of a write that names no failure,
	// because its caller expects the condition to hold always.
	ErrCondition = errors.New("a condition without a name does not hold")
)

// FailedError is returned when the condition of a write did not hold. Nothing was
// written. It wraps the failure that the write named with [Write.Else].
type FailedError struct {
	// Err is the failure.
	Err error
	// Stored is the stored item, if the write named its failure with [Write.ElseBy].
	Stored Item
}

func (e *FailedError) Error() string { return e.Err.Error() }

// Unwrap returns the failure.
func (e *FailedError) Unwrap() error { return e.Err }

// Failed reports whether err is a [*FailedError].
func Failed(err error) bool {
	_, ok := errors.AsType[*FailedError](err)
	return ok
}

// Tx is one transaction: all of its writes happen or none.
type Tx []Write

// Run runs the transaction. It repeats a transaction that DynamoDB cancels because of
// another one, which the SDK does not.
//
// When a condition does not hold, the error wraps the failure that its write has
// named, and that of the first in order when there are several. [ErrBusy] is returned
// when every attempt met another transaction. After any other error, such as a
// timeout, the transaction may have been applied.
func (tx Tx) Run(ctx context.Context, db *dynamodb.Client) error {
	var writes Tx
	in := &dynamodb.TransactWriteItemsInput{TransactItems: make([]types.TransactWriteItem, 0, len(tx))}
	for _, w := range tx {
		if w.none() {
			continue
		}
		writes = append(writes, w)
		in.TransactItems = append(in.TransactItems, w.item)
	}
	if len(writes) > MaxWrites {
		return fmt.Errorf("write transaction: %d writes are more than %d", len(writes), MaxWrites)
	}
	err := retry(ctx, func() error {
		_, err := db.TransactWriteItems(ctx, in)
		return writes.failure(err)
	})
	if err != nil && !Failed(err) {
		return fmt.Errorf("write transaction: %w", err)
	}
	return err
}

// none reports whether w is the zero value.
func (w Write) none() bool {
	return w.item.Put == nil && w.item.Update == nil && w.item.Delete == nil && w.item.ConditionCheck == nil
}

// failure translates the reasons of a cancelled transaction. A condition that does not
// hold takes precedence over a conflict, since it would not hold later either.
func (tx Tx) failure(err error) error {
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
			return tx[i].failure(reason.Item)
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			busy = true
		}
	}
	if busy {
		return ErrBusy
	}
	return err
}

// failure returns the error of w when its condition does not hold for the stored item.
func (w Write) failure(stored Item) error {
	failed := &FailedError{Err: ErrCondition, Stored: stored}
	if w.failed != nil {
		failed.Err = w.failed(stored)
	}
	return failed
}

// UpdateItem runs one UpdateItem. It repeats a write that a running transaction
// blocks, which the SDK does not. [ErrBusy] is returned when the repetition does not
// help.
func UpdateItem(ctx context.Context, db *dynamodb.Client, in *dynamodb.UpdateItemInput) (out *dynamodb.UpdateItemOutput, err error) {
	err = retry(ctx, func() error {
		out, err = db.UpdateItem(ctx, in)
		if _, conflict := errors.AsType[*types.TransactionConflictException](err); conflict {
			return ErrBusy
		}
		return err
	})
	return out, err
}

// A write that meets a transaction is repeated after a random wait of up to firstWait,
// twice that, and so on up to maxWait: about half a second in total on average.
const (
	attempts  = 6
	firstWait = 20 * time.Millisecond
	maxWait   = 400 * time.Millisecond
)

// retry calls write until it returns something other than ErrBusy.
func retry(ctx context.Context, write func() error) error {
	wait := firstWait
	for attempt := 1; ; attempt++ {
		err := write()
		if !errors.Is(err, ErrBusy) || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(rand.N(wait)): //nolint:gosec // a wait is no secret
		}
		wait = min(2*wait, maxWait)
	}
}
