// Package audit keeps the audit trail: every change of state with its actor, its time
// and its outcome.
//
// # Writing
//
// The trail is a table that only grows. Every change of state writes its entry in the
// same DynamoDB transaction. So there is no change without its entry, and no entry of a
// change that did not happen. [Trail.Put] returns the write of the entry for the
// caller's transaction. [Refusals.Record] records refused credentials, which change
// nothing, and bounds their number.
//
// # Layout
//
// An entry lies in the partition of its hour and is sorted by its ULID, which begins
// with the time. Each hour is spread over several shards, so that a busy hour does not
// reach the limit of one partition. Entries about a user or a client are also found by
// that subject, through the index [contract.AuditBySub].
//
// # Secrets
//
// No entry holds a secret or a part of one: no token, code, password, key or cookie.
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
	UserPassword   Action = "user.password" // a new password
	UserRehash     Action = "user.rehash"   // the same password, stored in a newer form
	LoginRefuse    Action = "login.refuse"
	UserInvite     Action = "user.invite"  // a one-time link was made for a future user
	UserRecover    Action = "user.recover" // a one-time link was made for a user who cannot sign in
	PasskeyAdd     Action = "passkey.add"
	PasskeyRename  Action = "passkey.rename"
	PasskeyRemove  Action = "passkey.remove"
	PasskeyRegress Action = "passkey.regress" //nolint:gosec // G101: a name; the counter went back, there may be a copy
	OTPAdd         Action = "otp.add"         // an authenticator app
	OTPRemove      Action = "otp.remove"
	OTPCodes       Action = "otp.codes" // new recovery codes
	LinkAdd        Action = "link.add"  // an account at an upstream
	LinkRemove     Action = "link.remove"
	ConsentForget  Action = "consent.forget"
	UserForget     Action = "user.forget" // part of the data of a user who is being deleted
	UpstreamCreate Action = "upstream.create"
	UpstreamUpdate Action = "upstream.update"
	UpstreamDelete Action = "upstream.delete"
	UpstreamSecret Action = "upstream.secret" // our client secret at the upstream, set or removed
	KeyRotate      Action = "key.rotate"
)

// Outcome is whether an action succeeded or was refused.
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
	// Actor is the client, the subject or the operator that did it.
	Actor  string
	Action Action
	// Subject is the user or client that the entry is about, empty for none. The
	// trail can be searched by it.
	Subject string
	// Object is the changed object, such as "client#billing-worker".
	Object  string
	Outcome Outcome
	// Detail are further facts in words, never a secret. Values are cut after 256
	// bytes.
	Detail map[string]string
	// RequestID joins the entry to the log, empty outside a request.
	RequestID string
}

// Time returns when it happened, to the millisecond.
func (e *Entry) Time() time.Time { return ulid.Time(e.ID.Time()).UTC() }

// The attributes of an item, in addition to the keys, the TTL and contract.AuditSub.
// All except the time, action and outcome are absent when they are empty.
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

// Trail reads and writes the audit table.
type Trail struct {
	Table string
	// Days is how long an entry is kept, in days. Zero keeps it for ever.
	Days int
	Now  func(context.Context) time.Time
}

// ErrRecorded is returned when the trail has an entry of the same id: the first attempt
// of a repeated transaction was applied.
var ErrRecorded = errors.New("the entry is in the trail already")

// NewID returns a new entry id with the time now.
func NewID(now time.Time) ulid.ULID { return ulid.MustNew(ulid.Timestamp(now), rand.Reader) }

// Put returns the write of an entry for the caller's transaction. It fails with
// [ErrRecorded] if the entry exists.
func (t *Trail) Put(ctx context.Context, e Entry) dynamo.Write {
	return dynamo.Create(t.Table, t.item(ctx, e)).Else(ErrRecorded)
}

// item returns the item of an entry.
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

// Key returns the primary key of the entry with that id.
func Key(id ulid.ULID) dynamo.Item {
	return dynamo.Key(bucket(ulid.Time(id.Time()), int(id[len(id)-1]%shards)), id.String())
}

// bucket returns the partition of a shard of an hour.
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
