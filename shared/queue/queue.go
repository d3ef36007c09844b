// Package queue keeps what is still to be done until it has been done.
//
// # Entries
//
// An entry is removed after its work and never before, so that the work is done even
// if a process dies in between. It may be done twice. A worker takes the entry
// first, which puts off the next try: two runs of a task do not work on the same
// entry, and a try that ends in silence is one that failed. The owner of the work
// decides when to try again, and when to give up.
//
// # Kinds
//
// A [Kind] says what the entries of one queue hold, and where they are stored. All
// entries of a queue lie in one partition of a table, sorted by the ULID of the time
// when they came. A partition takes a thousand writes a second, which bounds how
// much can come at once; a transaction that meets the bound is tried again.
package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// ErrTaken is returned when the entry is not what the caller saw any more: another
// run works on it, or it has been done.
var ErrTaken = errors.New("another run has taken the entry")

// Entry is something to be done.
type Entry[T any] struct {
	// ID is a ULID of the time when the entry came.
	ID string
	// Due is when to try next, and Tries how often it was tried.
	Due   time.Time
	Tries int
	// Payload is what is to be done.
	Payload T
}

// Written is when the entry came.
func (e *Entry[T]) Written() time.Time { return written(e.ID) }

func written(id string) time.Time {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(parsed.Time()).UTC()
}

// Kind is what the entries of one queue hold.
type Kind[T any] struct {
	Partition string
	// Encode returns the attributes of a payload, and Decode reads them again.
	// Neither has to do with the attributes of the entry.
	Encode func(T) dynamo.Item
	Decode func(*dynamo.Reader) T
	// Life is how long an entry stays in the table at most. Zero means until its
	// work is done or given up.
	Life time.Duration
	// Abandoned is the record of an entry that is given up. Its details get the
	// reason and the number of tries as well.
	Abandoned func(T) audit.Entry
}

// The attributes of an entry, beside those of its payload.
const (
	attrDue   = "due"   // epoch milliseconds
	attrTries = "tries" // absent: none
)

// Put returns the write of a new entry, which is due at once, for a transaction of
// the caller. It has no condition.
func (k *Kind[T]) Put(table string, now time.Time, payload T) dynamo.Write {
	return dynamo.Put(table, k.item(now, payload))
}

func (k *Kind[T]) item(now time.Time, payload T) dynamo.Item {
	it := k.Encode(payload)
	it[contract.PK] = dynamo.Text(k.Partition)
	it[contract.SK] = dynamo.Text(audit.NewID(now).String())
	it[attrDue] = dynamo.Millis(now)
	if k.Life > 0 {
		it[contract.TTL] = dynamo.Seconds(now.Add(k.Life))
	}
	return it
}

func (k *Kind[T]) decode(it dynamo.Item) (*Entry[T], error) {
	r := dynamo.Reader{Item: it}
	e := &Entry[T]{ID: r.Text(contract.SK), Tries: int(r.Number(attrTries))}
	due := r.Number(attrDue)
	if due == 0 {
		r.Fail(attrDue)
	}
	if e.Written().IsZero() {
		r.Fail(contract.SK)
	}
	e.Due = time.UnixMilli(due).UTC()
	e.Payload = k.Decode(&r)
	if r.Err() != nil {
		return nil, fmt.Errorf("entry %q of the queue %s: %w", e.ID, k.Partition, r.Err())
	}
	return e, nil
}

// Queue is the entries of one kind in a stage, for those who do the work. It is safe
// for concurrent use.
type Queue[T any] struct {
	Kind *Kind[T]
	DB   *dynamodb.Client
	// Table is the physical name of the table.
	Table string
	// Trail takes the record of what was given up. Only [Queue.Abandon] needs it.
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

// Add puts a new entry into the queue, which is due at once, with one write.
func (q *Queue[T]) Add(ctx context.Context, payload T) error {
	_, err := q.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &q.Table, Item: q.Kind.item(q.Now(ctx), payload)})
	if err != nil {
		return fmt.Errorf("add to the queue %s: %w", q.Kind.Partition, err)
	}
	return nil
}

// Due returns the entries that are due and that keep wants, the oldest first; nil
// wants all. Entries that cannot be read are left out, and the error tells of them
// beside the others: they do not stop the rest.
func (q *Queue[T]) Due(ctx context.Context, keep func(*Entry[T]) bool) ([]*Entry[T], error) {
	var due []*Entry[T]
	var broken error
	in := &dynamodb.QueryInput{
		TableName:                &q.Table,
		KeyConditionExpression:   new("pk = :pk"),
		FilterExpression:         new("#due <= :now"),
		ExpressionAttributeNames: dynamo.Names(attrDue),
		ExpressionAttributeValues: dynamo.Item{
			":pk": dynamo.Text(q.Kind.Partition), ":now": dynamo.Millis(q.Now(ctx)),
		},
	}
	for {
		// What this read does not see yet is seen by the next run, and what
		// it should not see any more cannot be taken.
		out, err := q.DB.Query(ctx, in)
		if err != nil {
			return due, errors.Join(broken, fmt.Errorf("read the queue %s: %w", q.Kind.Partition, err))
		}
		for _, it := range out.Items {
			e, err := q.Kind.decode(it)
			switch {
			case err != nil:
				broken = errors.Join(broken, err)
			case keep == nil || keep(e):
				due = append(due, e)
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return due, broken
		}
	}
}

// Take puts off the next try until then and counts this one. It returns [ErrTaken]
// when the entry is not what the caller saw any more.
func (q *Queue[T]) Take(ctx context.Context, e *Entry[T], until time.Time) error {
	_, err := dynamo.UpdateItem(ctx, q.DB, dynamo.UpdateInput(q.Table, q.key(e),
		dynamo.Changes{Set: dynamo.Item{attrDue: dynamo.Millis(until)}, Raise: []string{attrTries}}, e.asSeen()))
	if _, changed := errors.AsType[*types.ConditionalCheckFailedException](err); changed {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("take entry %s of the queue %s: %w", e.ID, q.Kind.Partition, err)
	}
	e.Due, e.Tries = time.UnixMilli(until.UnixMilli()).UTC(), e.Tries+1
	return nil
}

// Done removes an entry. A second call does nothing.
func (q *Queue[T]) Done(ctx context.Context, e *Entry[T]) error {
	_, err := q.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &q.Table, Key: q.key(e)})
	if err != nil {
		return fmt.Errorf("remove entry %s of the queue %s: %w", e.ID, q.Kind.Partition, err)
	}
	return nil
}

// Abandon removes an entry that was not done and writes why to the trail, in
// one transaction. It returns [ErrTaken], and does neither, when the entry is not
// what the caller saw any more.
func (q *Queue[T]) Abandon(ctx context.Context, e *Entry[T], why string) error {
	record := q.Kind.Abandoned(e.Payload)
	record.Outcome = audit.Refused
	detail := map[string]string{"why": why, "tries": fmt.Sprint(e.Tries)}
	maps.Copy(detail, record.Detail)
	record.Detail = detail
	err := dynamo.Tx{
		dynamo.Delete(q.Table, q.key(e), e.asSeen()).Else(ErrTaken),
		q.Trail.Put(ctx, record),
	}.Run(ctx, q.DB)
	if err != nil {
		return fmt.Errorf("give up entry %s of the queue %s: %w", e.ID, q.Kind.Partition, err)
	}
	return nil
}

func (q *Queue[T]) key(e *Entry[T]) dynamo.Item { return dynamo.Key(q.Kind.Partition, e.ID) }

// asSeen holds while no run has taken the entry since it was read.
func (e *Entry[T]) asSeen() dynamo.Condition { return dynamo.Equal(attrDue, dynamo.Millis(e.Due)) }
