// Package backchannel keeps what others have to be told until they have been told.
//
// When a session ends, the clients that it was open at want to know (OpenID
// Connect Back-Channel Logout 1.0). A request that told them itself would make
// a person wait for strangers, and one that died on the way would tell nobody.
// So the transaction that ends a session also writes a notice: there is no end
// without its notice, and no notice of an end that did not happen. A task
// delivers the notices afterwards.
//
// The notices are a queue, see package queue: one may be delivered twice, and its
// id is the same each time, by which a client can tell. A notice has no expiry in
// the table: only a delivery ends it, or Abandon, which leaves an entry in the
// trail.
package backchannel

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/queue"
)

// ErrTaken says that somebody else works on the notice, or has delivered it.
var ErrTaken = queue.ErrTaken

// ActionUndelivered is how the trail calls a notice that was given up.
const ActionUndelivered audit.Action = "logout.undelivered"

// Notice is the end of one session, to be told to one client. It was written when
// the session ended.
type Notice struct {
	queue.Entry
	// Client is to be told that Session, a grant of Subject, has ended.
	Client, Subject, Session string
}

// The layout of a notice, beside that of an entry.
const (
	partition = "outbox"

	attrClient  = "client"
	attrSubject = "sub"
	attrSession = "sid"
)

// Put returns the write of a new notice, which is due at once, for the
// transaction that ends the session.
func Put(table string, now time.Time, clientID, subject, sessionID string) types.TransactWriteItem {
	it := queue.New(partition, now)
	it[attrClient] = dynamo.Text(clientID)
	it[attrSubject] = dynamo.Text(subject)
	it[attrSession] = dynamo.Text(sessionID)
	return types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: it}}
}

// Store is the outbox of one stage, for those who deliver.
type Store struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	Trail    *audit.Trail
	Now      func(context.Context) time.Time
}

func (s *Store) queue() *queue.Queue {
	return &queue.Queue{DB: s.DB, Table: s.Sessions, Partition: partition, Now: s.Now}
}

// Due returns what is due, the oldest first, and at most a number of notices
// for each client, so that none of them fills the answer alone. Notices that
// cannot be read are left out and told by the error beside the others: they
// stop nobody else's.
func (s *Store) Due(ctx context.Context, most int) ([]*Notice, error) {
	var due []*Notice
	perClient := map[string]int{}
	err := s.queue().Due(ctx, func(e queue.Entry, it dynamo.Item) error {
		n, err := decode(e, it)
		if err != nil {
			return err
		}
		if perClient[n.Client]++; perClient[n.Client] <= most {
			due = append(due, n)
		}
		return nil
	})
	return due, err
}

// Take puts off the next try until then and counts this one. It returns
// ErrTaken when the notice is not what the caller saw any more.
func (s *Store) Take(ctx context.Context, n *Notice, until time.Time) error {
	return s.queue().Take(ctx, &n.Entry, until)
}

// Delivered removes a notice. A second call does nothing.
func (s *Store) Delivered(ctx context.Context, n *Notice) error {
	return s.queue().Done(ctx, &n.Entry)
}

// Abandon removes a notice that was not delivered and says so in the trail, in
// one transaction. It returns ErrTaken, and does neither, when the notice is
// not what the caller saw any more.
func (s *Store) Abandon(ctx context.Context, n *Notice, why string) error {
	return s.queue().Abandon(ctx, &n.Entry, s.Trail.Put(ctx, audit.Entry{
		Actor: contract.Notify.Name, Action: ActionUndelivered, Subject: n.Subject, Object: "grant#" + n.Session,
		Outcome: audit.Refused,
		Detail:  map[string]string{"client": n.Client, "why": why, "tries": strconv.Itoa(n.Tries)},
	}))
}
