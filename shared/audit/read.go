package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Written reports whether the entry with that id is in the trail, with one consistent
// read. Since an entry is written together with its change, this also reports whether
// a transaction of unknown outcome was applied.
func (t *Trail) Written(ctx context.Context, db *dynamodb.Client, id ulid.ULID) (bool, error) {
	yes := true
	out, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.Table, Key: Key(id), ConsistentRead: &yes})
	if err != nil {
		return false, fmt.Errorf("look for audit entry %s: %w", id, err)
	}
	return len(out.Item) > 0, nil
}

// Query selects entries to list.
type Query struct {
	// Subject is the user or client that the entries are about, empty for all.
	Subject string
	// Action is an action, or its first word only, such as "user" for all actions
	// on users. Empty selects all.
	Action Action
	// Since is the oldest and Until the newest time. A zero Until is now. Since may
	// be zero only with a Subject.
	Since, Until time.Time
	// Limit is the largest number of entries to list, from 1.
	Limit int
}

// List returns entries, the newest first. It reads the entries about a subject from the
// index, which is eventually consistent. Without a subject it reads the hours from
// Until back to Since, so that it makes a call for each shard of each hour between them
// when the trail has few entries.
func (t *Trail) List(ctx context.Context, db *dynamodb.Client, q Query) ([]Entry, error) {
	if q.Until.IsZero() {
		q.Until = t.Now(ctx)
	}
	if q.Subject != "" {
		names := map[string]string{"#pk": contract.AuditSub, "#sk": contract.SK}
		return q.read(ctx, db, &dynamodb.QueryInput{
			TableName: &t.Table, IndexName: new(contract.AuditBySub), ExpressionAttributeNames: names,
		}, q.Subject)
	}
	if q.Since.IsZero() {
		return nil, errors.New("list audit entries: there is no time to begin with")
	}
	var all []Entry
	for at := q.Until; len(all) < q.Limit && !at.Before(q.Since.UTC().Truncate(time.Hour)); at = at.UTC().Truncate(time.Hour).Add(-1) {
		entries, err := t.hour(ctx, db, q, at)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all[:min(len(all), q.Limit)], nil
}

// hour lists the entries of one hour, from all of its shards concurrently.
func (t *Trail) hour(ctx context.Context, db *dynamodb.Client, q Query, at time.Time) ([]Entry, error) {
	var found [shards][]Entry
	var errs [shards]error
	var readers sync.WaitGroup
	for shard := range found {
		readers.Go(func() {
			names := map[string]string{"#pk": contract.PK, "#sk": contract.SK}
			found[shard], errs[shard] = q.read(ctx, db, &dynamodb.QueryInput{
				TableName: &t.Table, ConsistentRead: new(true), ExpressionAttributeNames: names,
			}, bucket(at, shard))
		})
	}
	readers.Wait()
	if err := cmp.Or(errs[:]...); err != nil {
		return nil, err
	}
	entries := slices.Concat(found[:]...)
	slices.SortFunc(entries, func(a, b Entry) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return entries, nil
}

// read reads one partition of the table or the index, backwards.
func (q Query) read(ctx context.Context, db *dynamodb.Client, in *dynamodb.QueryInput, partition string) ([]Entry, error) {
	in.KeyConditionExpression = new("#pk = :pk AND #sk BETWEEN :first AND :last")
	in.ExpressionAttributeValues = dynamo.Item{
		":pk": dynamo.Text(partition), ":first": dynamo.Text(edge(q.Since, 0)), ":last": dynamo.Text(edge(q.Until, 0xff)),
	}
	if q.Action != "" {
		in.ExpressionAttributeNames["#action"] = attrAction
		in.ExpressionAttributeValues[":action"] = dynamo.Text(string(q.Action))
		in.FilterExpression = new("#action = :action")
		if !strings.Contains(string(q.Action), ".") {
			in.ExpressionAttributeValues[":action"] = dynamo.Text(string(q.Action) + ".")
			in.FilterExpression = new("begins_with(#action, :action)")
		}
	}
	in.ScanIndexForward = new(false)
	var entries []Entry
	for len(entries) < q.Limit {
		if in.FilterExpression == nil {
			in.Limit = new(int32(min(q.Limit-len(entries), 1000))) //nolint:gosec // G115: at most 1000
		}
		out, err := db.Query(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list audit entries: %w", err)
		}
		for _, it := range out.Items {
			e, err := decode(it)
			if err != nil {
				return nil, err
			}
			entries = append(entries, e)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	return entries[:min(len(entries), q.Limit)], nil
}

// edge returns the first id of a time, or with the filler 0xff the last one.
func edge(at time.Time, filler byte) string {
	var id ulid.ULID
	if at.After(time.UnixMilli(0)) {
		_ = id.SetTime(min(ulid.Timestamp(at), ulid.MaxTime())) // in range
	}
	for i := 6; i < len(id); i++ {
		id[i] = filler
	}
	return id.String()
}

// decode reads an item that Put wrote.
func decode(it dynamo.Item) (Entry, error) {
	id, err := ulid.ParseStrict(it.Text(contract.SK))
	if err != nil {
		return Entry{}, fmt.Errorf("audit entry %q: %w", it.Text(contract.SK), err)
	}
	e := Entry{
		ID: id, Actor: it.Text(attrActor), Action: Action(it.Text(attrAction)), Subject: it.Text(contract.AuditSub),
		Object: it.Text(attrObject), Outcome: Outcome(it.Text(attrOutcome)), RequestID: it.Text(attrRequest),
	}
	if m, ok := it[attrDetail].(*types.AttributeValueMemberM); ok {
		detail := dynamo.Item(m.Value)
		e.Detail = make(map[string]string, len(detail))
		for name := range detail {
			e.Detail[name] = detail.Text(name)
		}
	}
	return e, nil
}
