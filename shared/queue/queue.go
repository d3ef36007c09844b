// Package queue keeps work in a DynamoDB table until it is done.
//
// # Entries
//
// An entry is removed after its work and never before, so that the work is done even
// if a process dies in between. The work may be done twice. A worker takes the entry
// first, with [Queue.Take], which postpones the next attempt. So two runs of a task do
// not work on the same entry, and an attempt without a result counts as a failure. The
// owner of the work decides when to try again, and when to give up.
//
// # Kinds
//
// A [Kind] defines what the entries of one queue hold, and where they are stored. All
// entries of a queue lie in one partition of a table, sorted by the ULID of the time
// of their creation. A partition takes 1,000 writes a second, which limits the rate of
// new entries. A transaction that exceeds the limit is repeated.
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

// ErrTaken is returned when the entry has changed since the caller read it: another
// run works on it, or it is done.
var ErrTaken = errors.New("another run has taken the entry")

// Entry is one piece of work.
type Entry[T any] struct {
	// ID is a ULID with the time of the creation.
	ID string
	// Due is the time of the next attempt, and Tries the number of attempts so far.
	Due   time.Time
	Tries int
	// Payload describes the work.
	Payload T
}

// Written returns when the entry was created, to the millisecond.
func (e *Entry[T]) Written() time.Time { return written(e.ID) }

func written(id string) time.Time {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(parsed.Time()).UTC()
}

// Kind defines the entries of one queue.
type Kind[T any] struct {
	Partition string
	// Encode returns the attributes of a payload, and Decode reads them again.
	// Neither handles the attributes of the entry.
	Encode func(T) dynamo.Item
	Decode func(*dynamo.Reader) T
	// Life is how long an entry stays in the table at most. Zero keeps it until
	// its work is done or given up.
	Life time.Duration
	// Abandoned returns the audit entry about a payload that is given up. The
	// queue adds the reason and the number of attempts to its details.
	Abandoned func(T) audit.Entry
}

// The attributes of an entry, in addition to those of its payload.
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

// Queue is the queue of one kind in a stage. It is safe for concurrent use.
type Queue[T any] struct {
	Kind *Kind[T]
	DB   *dynamodb.Client
	// Table is the physical name of the table.
	Table string
	// Trail gets the audit entry of an abandoned entry. Only [Queue.Abandon] needs it.
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

// Due returns the entries that are due and for which keep returns true, the oldest
// first. A nil keep selects all. It skips entries that cannot be read, and returns an
// error about them together with the others.
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
		// The next run sees an entry that this eventually consistent read
		// misses, and an entry that is done cannot be taken.
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

// Take postpones the next attempt until the given time and counts this one. It returns
// [ErrTaken] when the entry has changed since the caller read it.
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

// Abandon removes an entry that is not done and writes the reason to the audit trail,
// in one transaction. It returns [ErrTaken], and does neither, when the entry has
// changed since the caller read it.
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
