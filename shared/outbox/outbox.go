// Package outbox keeps what others have to be told until they have been told.
//
// When a session ends, the clients that it was open at want to know (OpenID
// Connect Back-Channel Logout 1.0). A request that told them itself would make
// a person wait for strangers, and one that died on the way would tell nobody.
// So the transaction that ends a session also writes a notice: there is no end
// without its notice, and no notice of an end that did not happen. A task
// delivers the notices afterwards.
//
// A notice is removed after its delivery and never before, so that whatever
// dies in between, it is delivered. It may be delivered twice: its id is the
// same each time, by which a client can tell. Whoever delivers takes the notice
// first, which puts off the next try, so that two runs of the task do not work
// on the same notice, and so that a try that ends in silence is one that
// failed. A notice has no expiry in the table: only a delivery ends it, or
// Abandon, which leaves an entry in the trail.
package outbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/item"
)

// ErrTaken says that somebody else works on the notice, or has delivered it.
var ErrTaken = errors.New("somebody else has taken the notice")

// ActionUndelivered is how the trail calls a notice that was given up.
const ActionUndelivered audit.Action = "logout.undelivered"

// Notice is the end of one session, to be told to one client.
type Notice struct {
	// ID is a ULID of the time when the session ended.
	ID string
	// Client is to be told that Session, a grant of Subject, has ended.
	Client, Subject, Session string
	// Due is when to try next, and Tries how often it was tried.
	Due   time.Time
	Tries int
}

// Written is when the session ended.
func (n *Notice) Written() time.Time {
	id, err := ulid.ParseStrict(n.ID)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(id.Time()).UTC()
}

// The layout of a notice: all lie in one partition of the sessions table,
// sorted by their ULID. Every end of a session with a client to tell writes
// there, so a partition's thousand writes a second bound how many of those can
// end at once; a transaction that meets the bound is tried again.
const (
	partition = "outbox"

	attrClient  = "client"
	attrSubject = "sub"
	attrSession = "sid"
	attrDue     = "due"   // epoch milliseconds
	attrTries   = "tries" // absent: none
)

// Put returns the write of a new notice, which is due at once, for the
// transaction that ends the session.
func Put(table string, now time.Time, clientID, subject, sessionID string) types.TransactWriteItem {
	it := key(audit.NewID(now).String())
	it[attrClient] = item.Text(clientID)
	it[attrSubject] = item.Text(subject)
	it[attrSession] = item.Text(sessionID)
	it[attrDue] = item.Millis(now)
	return types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: it}}
}

// Store is the outbox of one stage, for those who deliver.
type Store struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	Trail    *audit.Trail
	Now      func() time.Time
}

// Due returns what is due, the oldest first, and at most a number of notices
// for each client, so that none of them fills the answer alone. Notices that
// cannot be read are left out and told by the error beside the others: they
// stop nobody else's.
func (s *Store) Due(ctx context.Context, most int) ([]*Notice, error) {
	var due []*Notice
	var broken error
	perClient := map[string]int{}
	in := &dynamodb.QueryInput{
		TableName:                &s.Sessions,
		KeyConditionExpression:   new("pk = :pk"),
		FilterExpression:         new("#due <= :now"),
		ExpressionAttributeNames: map[string]string{"#due": attrDue},
		ExpressionAttributeValues: item.Item{
			":pk": item.Text(partition), ":now": item.Millis(s.Now()),
		},
	}
	for {
		// What this read does not see yet is seen by the next run, and what
		// it should not see any more cannot be taken.
		out, err := s.DB.Query(ctx, in)
		if err != nil {
			return due, fmt.Errorf("read the outbox: %w", err)
		}
		for _, it := range out.Items {
			n, err := decode(it)
			if err != nil {
				broken = errors.Join(broken, err)
				continue
			}
			if perClient[n.Client]++; perClient[n.Client] <= most {
				due = append(due, n)
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return due, broken
		}
	}
}

// Take puts off the next try until then and counts this one. It returns
// ErrTaken when the notice is not what the caller saw any more.
func (s *Store) Take(ctx context.Context, n *Notice, until time.Time) error {
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Sessions, Key: key(n.ID),
		UpdateExpression:          new("SET #due = :until ADD #tries :one"),
		ConditionExpression:       new("#due = :seen"),
		ExpressionAttributeNames:  map[string]string{"#due": attrDue, "#tries": attrTries},
		ExpressionAttributeValues: item.Item{":seen": item.Millis(n.Due), ":until": item.Millis(until), ":one": item.Number(1)},
	})
	if _, changed := errors.AsType[*types.ConditionalCheckFailedException](err); changed {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("take notice %s: %w", n.ID, err)
	}
	n.Due, n.Tries = time.UnixMilli(until.UnixMilli()).UTC(), n.Tries+1
	return nil
}

// Delivered removes a notice. A second call does nothing.
func (s *Store) Delivered(ctx context.Context, n *Notice) error {
	_, err := s.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.Sessions, Key: key(n.ID)})
	if err != nil {
		return fmt.Errorf("remove notice %s: %w", n.ID, err)
	}
	return nil
}

// Abandon removes a notice that was not delivered and says so in the trail, in
// one transaction. It returns ErrTaken, and does neither, when the notice is
// not what the caller saw any more.
func (s *Store) Abandon(ctx context.Context, n *Notice, why string) error {
	remove := types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.Sessions, Key: key(n.ID),
		ConditionExpression:       new("#due = :seen"),
		ExpressionAttributeNames:  map[string]string{"#due": attrDue},
		ExpressionAttributeValues: item.Item{":seen": item.Millis(n.Due)},
	}}
	entry := s.Trail.Put(audit.Entry{
		Actor: contract.Notify.Name, Action: ActionUndelivered, Subject: n.Subject, Object: "grant#" + n.Session,
		Outcome: audit.Refused,
		Detail:  map[string]string{"client": n.Client, "why": why, "tries": strconv.Itoa(n.Tries)},
	})
	err := audit.Write(ctx, s.DB, remove, entry)
	if condition, ok := errors.AsType[*audit.ConditionError](err); ok && condition.Index == 0 {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("give up notice %s: %w", n.ID, err)
	}
	return nil
}
