// Package recovery stores the requests of users for a new way to sign in until the mail
// is sent.
//
// A request needs only a user name, and the response must not reveal which users exist:
// neither by its words, nor by its time, nor by a slow mail server. So each request is
// answered at once and put into a queue, also for a user name that does not exist. A
// task handles the queue: it decides which users may get a mail, and makes the link. The
// link is never in the table, and the link of a failed attempt is never delivered.
//
// The requests are a queue, see package [queue]. A request that fails for [Life] is given
// up, with an audit entry: after that time the user has asked again, or has asked an
// operator.
package recovery

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/queue"
)

// Life is how long a request is attempted.
const Life = 2 * time.Hour

// ActionUndelivered is the action of the audit entry about a mail that was given up.
const ActionUndelivered audit.Action = "mail.undelivered"

// Request is the request of a user who cannot sign in.
type Request struct {
	// Subject is the user; empty for a user name that does not exist.
	Subject string
}

type (
	// Entry is a request in the queue.
	Entry = queue.Entry[Request]
	// Queue is the queue of requests.
	Queue = queue.Queue[Request]
)

// attrSubject is the only attribute of a request, in addition to those of an entry. The
// typed user name is not stored: some users type their password into that field.
const attrSubject = "sub" // absent: a user name that does not exist

// Requests is the kind of the queue: how requests are stored. An entry takes the same
// number of write units for a user name that does not exist.
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
