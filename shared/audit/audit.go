// Package audit keeps the trail of what was changed, by whom and when.
//
// The trail is a table that only grows. Every change of state writes its entry
// in the same DynamoDB transaction: there is no change without its record, and
// no record of a change that did not happen. Put makes the entry an item of
// the caller's transaction, and Write runs the transaction.
//
// An entry lies in the partition of its hour, spread over a few shards so that
// a busy hour does not meet the limit of one partition, and is sorted by its
// ULID, which begins with the time. Entries about a person or a client are also
// found by that subject, through the index contract.AuditBySub.
//
// No entry carries a secret: not a token, code, password, key or cookie, nor a
// part of one.
package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Action is what was done, as "<kind of object>.<verb>".
type Action string

// The actions that exist.
const (
	ClientCreate   Action = "client.create"
	ClientUpdate   Action = "client.update"
	ClientDelete   Action = "client.delete"
	ResourceCreate Action = "resource.create"
	ResourceUpdate Action = "resource.update"
	ResourceDelete Action = "resource.delete"
	UserCreate     Action = "user.create"
	UserUpdate     Action = "user.update"
	UserDelete     Action = "user.delete"
	UserDisable    Action = "user.disable"
	UserEnable     Action = "user.enable"
	UserPassword   Action = "user.password" // a new one, chosen by somebody
	UserRehash     Action = "user.rehash"   // the same one, kept in a newer form
	LoginRefuse    Action = "login.refuse"
	UserInvite     Action = "user.invite"  // a link was made for somebody who is not here yet
	UserRecover    Action = "user.recover" // a link was made for somebody who cannot sign in
	PasskeyAdd     Action = "passkey.add"
	PasskeyRename  Action = "passkey.rename"
	PasskeyRemove  Action = "passkey.remove"
	PasskeyRegress Action = "passkey.regress" //nolint:gosec // G101: a name; the counter went back, there may be a copy
	OTPAdd         Action = "otp.add"         // an authenticator app
	OTPRemove      Action = "otp.remove"
	OTPCodes       Action = "otp.codes" // new recovery codes
	LinkAdd        Action = "link.add"  // an account elsewhere
	LinkRemove     Action = "link.remove"
	ConsentForget  Action = "consent.forget"
	UserForget     Action = "user.forget" // part of what belongs to a person who is being deleted
	UpstreamCreate Action = "upstream.create"
	UpstreamUpdate Action = "upstream.update"
	UpstreamDelete Action = "upstream.delete"
	UpstreamSecret Action = "upstream.secret" // our client secret there, set or removed
	KeyRotate      Action = "key.rotate"
)

// Outcome is how it ended.
type Outcome string

// The outcomes that exist.
const (
	Success Outcome = "success"
	Refused Outcome = "refused"
)

// Entry is one record of the trail.
type Entry struct {
	// ID makes a repeated Put the same item, for retries that must leave one
	// entry. Its time is the time of the entry. Zero asks for a new id.
	ID ulid.ULID
	// Actor did it: a client, a subject, or an operator as we know them.
	Actor  string
	Action Action
	// Subject is the user, client or agent whom the entry is about, by whom
	// the trail can be searched. Empty when it is about nobody.
	Subject string
	// Object is what was changed, such as "client#billing-worker".
	Object  string
	Outcome Outcome
	// Detail says more in plain words, never a secret. Values are cut after
	// 256 bytes.
	Detail map[string]string
	// RequestID joins the entry to the log, empty outside a request.
	RequestID string
}

// Time is when it happened, to the millisecond.
func (e *Entry) Time() time.Time { return ulid.Time(e.ID.Time()).UTC() }

// The attributes of an item, besides the keys, the TTL and contract.AuditSub.
// All but the time, action and outcome are absent when they are empty.
const (
	attrTime    = "time" // RFC 3339 in UTC, with milliseconds
	attrActor   = "actor"
	attrAction  = "action"
	attrObject  = "object"
	attrOutcome = "outcome"
	attrDetail  = "detail"
	attrRequest = "request"
)

const (
	// shards spread one hour over partitions of 1,000 writes a second each.
	shards    = 8
	maxDetail = 256
)

// Trail is the audit table, for those who write it and for operators.
type Trail struct {
	Table string
	// Days is how long an entry is kept, zero means for ever.
	Days int
	Now  func(context.Context) time.Time
}

// ErrRecorded is returned when an entry of the same id is in the trail already: a
// transaction that was tried again had been applied.
var ErrRecorded = errors.New("the entry is in the trail already")

// NewID returns a new entry id of the time now.
func NewID(now time.Time) ulid.ULID { return ulid.MustNew(ulid.Timestamp(now), rand.Reader) }

// Put returns the write of an entry, to be part of the caller's transaction. It
// fails with ErrRecorded if the entry is there already.
func (t *Trail) Put(ctx context.Context, e Entry) dynamo.Write {
	return dynamo.Create(t.Table, t.item(ctx, e)).Else(ErrRecorded)
}

// item is how an entry is stored.
func (t *Trail) item(ctx context.Context, e Entry) dynamo.Item {
	if e.ID.IsZero() {
		e.ID = NewID(t.Now(ctx))
	}
	at := ulid.Time(e.ID.Time()).UTC()
	it := Key(e.ID)
	it[attrTime] = dynamo.Text(at.Format("2006-01-02T15:04:05.000Z"))
	it[attrAction] = dynamo.Text(string(e.Action))
	it[attrOutcome] = dynamo.Text(string(e.Outcome))
	it.PutText(attrActor, e.Actor)
	it.PutText(contract.AuditSub, e.Subject)
	it.PutText(attrObject, e.Object)
	it.PutText(attrRequest, e.RequestID)
	if len(e.Detail) > 0 {
		detail := make(dynamo.Item, len(e.Detail))
		for name, value := range e.Detail {
			detail[name] = dynamo.Text(cut(value))
		}
		it[attrDetail] = &types.AttributeValueMemberM{Value: detail}
	}
	if t.Days > 0 {
		it[contract.TTL] = dynamo.Seconds(at.AddDate(0, 0, t.Days))
	}
	return it
}

// Key is the primary key of the entry with that id.
func Key(id ulid.ULID) dynamo.Item {
	return dynamo.Key(bucket(ulid.Time(id.Time()), int(id[len(id)-1]%shards)), id.String())
}

// bucket is the partition of a shard of an hour.
func bucket(at time.Time, shard int) string { return hour(at) + "#" + strconv.Itoa(shard) }

func hour(at time.Time) string { return at.UTC().Format("2006-01-02T15") }

func cut(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	end := maxDetail
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
