// Package queue keeps what is still to be done until it has been done.
//
// An entry is removed after its work and never before, so that whatever dies in
// between, the work is done. It may be done twice. Whoever works takes the entry
// first, which puts off the next try, so that two runs of a task do not work on
// the same entry, and so that a try that ends in silence is one that failed. When
// to try again, and when to give up, is for those to say whose work it is.
//
// All entries of a queue lie in one partition of a table, sorted by the ULID of
// the time when they came. A partition takes a thousand writes a second, which
// bounds how much can come at once; a transaction that meets the bound is tried
// again.
package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// ErrTaken says that somebody else works on the entry, or has done with it.
var ErrTaken = errors.New("somebody else has taken the entry")

// Entry is something to be done.
type Entry struct {
	// ID is a ULID of the time when the entry came.
	ID string
	// Due is when to try next, and Tries how often it was tried.
	Due   time.Time
	Tries int
}

// Written is when the entry came.
func (e *Entry) Written() time.Time {
	id, err := ulid.ParseStrict(e.ID)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(id.Time()).UTC()
}

// The attributes of an entry, beside those of whose it is.
const (
	attrDue   = "due"   // epoch milliseconds
	attrTries = "tries" // absent: none
)

// New returns the item of a new entry, which is due at once.
func New(partition string, now time.Time) dynamo.Item {
	it := dynamo.Key(partition, audit.NewID(now).String())
	it[attrDue] = dynamo.Millis(now)
	return it
}

// Queue is one partition, for those who do the work.
type Queue struct {
	DB *dynamodb.Client
	// Table is the physical name of the table.
	Table     string
	Partition string
	Now       func(context.Context) time.Time
}

// Due calls found with each entry that is due and its item, the oldest first.
// What cannot be read, of which found may tell more, is left out and told by the
// error: it stops nothing else.
func (q *Queue) Due(ctx context.Context, found func(Entry, dynamo.Item) error) error {
	var broken error
	in := &dynamodb.QueryInput{
		TableName:                &q.Table,
		KeyConditionExpression:   new("pk = :pk"),
		FilterExpression:         new("#due <= :now"),
		ExpressionAttributeNames: map[string]string{"#due": attrDue},
		ExpressionAttributeValues: dynamo.Item{
			":pk": dynamo.Text(q.Partition), ":now": dynamo.Millis(q.Now(ctx)),
		},
	}
	for {
		// What this read does not see yet is seen by the next run, and what
		// it should not see any more cannot be taken.
		out, err := q.DB.Query(ctx, in)
		if err != nil {
			return fmt.Errorf("read the queue %s: %w", q.Partition, err)
		}
		for _, it := range out.Items {
			e, err := decode(it)
			if err == nil {
				err = found(e, it)
			}
			broken = errors.Join(broken, err)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return broken
		}
	}
}

func decode(it dynamo.Item) (Entry, error) {
	r := dynamo.Reader{Item: it}
	e := Entry{ID: r.Text(contract.SK), Tries: int(r.Number(attrTries))}
	due := r.Number(attrDue)
	if r.Err() != nil || due == 0 || e.Written().IsZero() {
		return e, fmt.Errorf("entry %q of a queue is not what it should be", e.ID)
	}
	e.Due = time.UnixMilli(due).UTC()
	return e, nil
}

// Take puts off the next try until then and counts this one. It returns
// ErrTaken when the entry is not what the caller saw any more.
func (q *Queue) Take(ctx context.Context, e *Entry, until time.Time) error {
	_, err := q.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &q.Table, Key: q.key(e),
		UpdateExpression:          new("SET #due = :until ADD #tries :one"),
		ConditionExpression:       new("#due = :seen"),
		ExpressionAttributeNames:  map[string]string{"#due": attrDue, "#tries": attrTries},
		ExpressionAttributeValues: dynamo.Item{":seen": dynamo.Millis(e.Due), ":until": dynamo.Millis(until), ":one": dynamo.Number(1)},
	})
	if _, changed := errors.AsType[*types.ConditionalCheckFailedException](err); changed {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("take entry %s of the queue %s: %w", e.ID, q.Partition, err)
	}
	e.Due, e.Tries = time.UnixMilli(until.UnixMilli()).UTC(), e.Tries+1
	return nil
}

// Done removes an entry. A second call does nothing.
func (q *Queue) Done(ctx context.Context, e *Entry) error {
	_, err := q.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &q.Table, Key: q.key(e)})
	if err != nil {
		return fmt.Errorf("remove entry %s of the queue %s: %w", e.ID, q.Partition, err)
	}
	return nil
}

// Abandon removes an entry whose work was not done and writes why to the trail, in
// one transaction. It returns ErrTaken, and does neither, when the entry is not
// what the caller saw any more.
func (q *Queue) Abandon(ctx context.Context, e *Entry, why types.TransactWriteItem) error {
	remove := types.TransactWriteItem{Delete: &types.Delete{
		TableName: &q.Table, Key: q.key(e),
		ConditionExpression:       new("#due = :seen"),
		ExpressionAttributeNames:  map[string]string{"#due": attrDue},
		ExpressionAttributeValues: dynamo.Item{":seen": dynamo.Millis(e.Due)},
	}}
	err := audit.Write(ctx, q.DB, remove, why)
	if condition, ok := errors.AsType[*audit.ConditionError](err); ok && condition.Index == 0 {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("give up entry %s of the queue %s: %w", e.ID, q.Partition, err)
	}
	return nil
}

func (q *Queue) key(e *Entry) dynamo.Item { return dynamo.Key(q.Partition, e.ID) }
