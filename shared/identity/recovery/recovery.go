// Package recovery keeps the requests of users for a new way to sign in, until they
// have been written to.
//
// A request needs nothing but a user name, and the answer must not tell which users
// exist: neither by its words nor by its time, nor by a mail server that is slow. So
// each request is answered at once and put into a queue, also for a user name that
// does not exist. A task works the queue off: it knows which users may be written to,
// and makes the link. The link is never in the table; a try that failed made one that
// no person has seen.
//
// The requests are a queue, see package queue. A request that could not be done for
// [Life] is given up, with an entry in the trail: a user who waited that long has
// asked again, or has asked an operator.
package recovery

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/queue"
)

// Life is how long a request is worth an answer.
const Life = 2 * time.Hour

// ActionUndelivered is how the trail calls a mail that was given up.
const ActionUndelivered audit.Action = "mail.undelivered"

// Request is that of a user who cannot sign in.
type Request struct {
	// Subject is the user; empty for a user name that does not exist.
	Subject string
}

// Entry is a request in the queue, and Queue is the queue.
type (
	Entry = queue.Entry[Request]
	Queue = queue.Queue[Request]
)

// attrSubject is the only attribute of a request, beside those of an entry. What was
// typed is not stored: people mistype their password into that field.
const attrSubject = "sub" // absent: a user name that does not exist

// Requests is how the requests are stored. An entry is of the same size in write
// units for a user name that does not exist.
var Requests = &queue.Kind[Request]{
	Partition: contract.MailPartition,
	Encode: func(r Request) dynamo.Item {
		it := dynamo.Item{}
		it.PutText(attrSubject, r.Subject)
		return it
	},
	Decode: func(r *dynamo.Reader) Request { return Request{Subject: r.Text(attrSubject)} },
	Life:   2 * Life, // if no task ever comes
	Abandoned: func(r Request) audit.Entry {
		return audit.Entry{
			Actor: contract.SendMail.Name, Action: ActionUndelivered, Subject: r.Subject, Object: contract.UserPrefix.Of(r.Subject),
		}
	},
}
