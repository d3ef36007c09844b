// Package recovery keeps who asked for a new way to sign in until they have been
// written to.
//
// Anybody can ask, by the user name of anybody, and must not learn from the answer
// who has an account: neither from its words nor from its time, nor from who is
// slow to send mail. So whoever asks is answered at once, and what was asked is put
// into a queue, for a name that nobody has as well. A task works it off: it knows
// who may be written to, and makes the link. The link is never in the table; a try
// that failed made one that nobody has seen.
//
// A request that could not be done for Life is given up, with an entry in the
// trail: somebody who waited that long has asked again, or an operator.
package recovery

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/queue"
)

// Life is how long a request is worth an answer.
const Life = 2 * time.Hour

// ErrTaken says that somebody else works on the request, or has done with it.
var ErrTaken = queue.ErrTaken

// ActionUndelivered is how the trail calls a mail that was given up.
const ActionUndelivered audit.Action = "mail.undelivered"

// Request is that of somebody who cannot sign in.
type Request struct {
	queue.Entry
	// Subject is whose way back it is; empty for a name that nobody has.
	Subject string
}

// The layout of a request, beside that of an entry. What a stranger typed is not in
// it: people mistype their password into that field.
const (
	partition = "mail"

	attrSubject = "sub" // absent: nobody's
)

// Store is the requests of one stage.
type Store struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	// Trail takes the record of what was given up. Only Abandon needs it.
	Trail *audit.Trail
	Now   func(context.Context) time.Time
}

func (s *Store) queue() *queue.Queue {
	return &queue.Queue{DB: s.DB, Table: s.Sessions, Partition: partition, Now: s.Now}
}

// Ask puts a request into the queue with one write, which is of the same unit for
// nobody, who is the empty subject.
func (s *Store) Ask(ctx context.Context, subject string) error {
	now := s.Now(ctx)
	it := queue.New(partition, now)
	it.PutText(attrSubject, subject)
	it[contract.TTL] = dynamo.Seconds(now.Add(2 * Life)) // if no task ever comes
	if _, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Sessions, Item: it}); err != nil {
		return fmt.Errorf("ask for a recovery: %w", err)
	}
	return nil
}

// Due returns what is due, the oldest first. Requests that cannot be read are left
// out and told by the error beside the others.
func (s *Store) Due(ctx context.Context) ([]*Request, error) {
	var due []*Request
	err := s.queue().Due(ctx, func(e queue.Entry, it dynamo.Item) error {
		r := dynamo.Reader{Item: it}
		request := &Request{Entry: e, Subject: r.Text(attrSubject)}
		if r.Err() != nil {
			return fmt.Errorf("request %q for a recovery: %w", e.ID, r.Err())
		}
		due = append(due, request)
		return nil
	})
	return due, err
}

// Take puts off the next try until then and counts this one. It returns ErrTaken
// when the request is not what the caller saw any more.
func (s *Store) Take(ctx context.Context, r *Request, until time.Time) error {
	return s.queue().Take(ctx, &r.Entry, until)
}

// Done removes a request. A second call does nothing.
func (s *Store) Done(ctx context.Context, r *Request) error {
	return s.queue().Done(ctx, &r.Entry)
}

// Abandon removes the request of a person who was not written to and says so in the
// trail, in one transaction. It returns ErrTaken, and does neither, when the
// request is not what the caller saw any more.
func (s *Store) Abandon(ctx context.Context, r *Request, why string) error {
	return s.queue().Abandon(ctx, &r.Entry, s.Trail.Put(ctx, audit.Entry{
		Actor: contract.SendMail.Name, Action: ActionUndelivered, Subject: r.Subject, Object: "user#" + r.Subject,
		Outcome: audit.Refused, Detail: map[string]string{"why": why, "tries": strconv.Itoa(r.Tries)},
	}))
}
