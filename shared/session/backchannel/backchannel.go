// Package backchannel keeps which clients have to be told of an ended session, until
// they have been told.
//
// When a session ends, the clients that it was open at want to know (OpenID Connect
// Back-Channel Logout 1.0). A request that told them itself would make a user wait
// for the servers of others, and one that died on the way would tell none of them.
// So the transaction that ends a session also writes a [Notice]: there is no end
// without its notice, and no notice of an end that did not happen. A task delivers
// the notices afterwards.
//
// The notices are a queue, see package queue. One may be delivered twice, and its id
// is the same each time, by which a client can tell. A notice has no expiry in the
// table: only a delivery ends it, or [queue.Queue.Abandon], which leaves an entry in
// the trail.
package backchannel

import (
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/queue"
)

// ActionUndelivered is how the trail calls a notice that was given up.
const ActionUndelivered audit.Action = "logout.undelivered"

// Notice is the end of one session, to be told to one client. Its entry was written
// when the session ended.
type Notice struct {
	// Client is to be told that Session, a grant of Subject, has ended.
	Client, Subject, Session string
}

// Entry is a notice in the queue, and Queue is the queue.
type (
	Entry = queue.Entry[Notice]
	Queue = queue.Queue[Notice]
)

// The layout of a notice, beside that of an entry.
const (
	attrClient  = "client"
	attrSubject = "sub"
	attrSession = "sid"
)

// Notices is how the notices are stored.
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

// AtMost keeps a number of notices for each client, the oldest, so that none of the
// clients fills the answer of [queue.Queue.Due] alone.
func AtMost(number int) func(*Entry) bool {
	perClient := map[string]int{}
	return func(e *Entry) bool {
		perClient[e.Payload.Client]++
		return perClient[e.Payload.Client] <= number
	}
}
