// Package backchannel stores the notices of ended sessions until they are delivered to
// the clients (OpenID Connect Back-Channel Logout 1.0).
//
// # Writing
//
// A request that delivered the notices itself would make the user wait for the servers
// of clients, and a request that died would deliver none of them. So the transaction
// that ends a session also writes a [Notice]: there is no end without its notice, and
// no notice of an end that did not happen. A task delivers the notices afterwards.
//
// # Delivery
//
// The notices are a queue, see package [queue]. A notice may be delivered twice. Its
// id is the same each time, so that a client can recognise it. A notice has no expiry
// in the table: only a delivery removes it, or [queue.Queue.Abandon], which leaves an
// entry in the audit trail.
package backchannel

import (
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/queue"
)

// ActionUndelivered is the action of the audit entry about a notice that was given up.
const ActionUndelivered audit.Action = "logout.undelivered"

// Notice tells one client about the end of one session. Its entry was written when the
// session ended.
type Notice struct {
	// Client is the id of the client. Session is the id of the grant of Subject
	// that has ended.
	Client, Subject, Session string
}

type (
	// Entry is a notice in the queue.
	Entry = queue.Entry[Notice]
	// Queue is the queue of notices.
	Queue = queue.Queue[Notice]
)

// The attributes of a notice, in addition to those of an entry.
const (
	attrClient  = "client"
	attrSubject = "sub"
	attrSession = "sid"
)

// Notices is the kind of the queue: how notices are stored.
var Notices = &queue.Kind[Notice]{
	Partition: contract.NoticePartition,
	Encode: func(n Notice) dynamo.Item {
		return dynamo.Item{attrClient: dynamo.Text(n.Client), attrSubject: dynamo.Text(n.Subject), attrSession: dynamo.Text(n.Session)}
	},
	Decode: func(r *dynamo.Reader) Notice {
		n := Notice{Client: r.Text(attrClient), Subject: r.Text(attrSubject), Session: r.Text(attrSession)}
		for name, value := range map[string]string{attrClient: n.Client, attrSubject: n.Subject, attrSession: n.Session} {
			if value == "" {
				r.Fail(name)
			}
		}
		return n
	},
	Abandoned: func(n Notice) audit.Entry {
		return audit.Entry{
			Actor: contract.Notify.Name, Action: ActionUndelivered, Subject: n.Subject, Object: contract.GrantPrefix.Of(n.Session),
			Detail: map[string]string{"client": n.Client},
		}
	},
}

// AtMost returns a filter for [queue.Queue.Due] that keeps the oldest notices of each
// client, up to a number, so that no client fills the result alone.
func AtMost(number int) func(*Entry) bool {
	perClient := map[string]int{}
	return func(e *Entry) bool {
		perClient[e.Payload.Client]++
		return perClient[e.Payload.Client] <= number
	}
}
