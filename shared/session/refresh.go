package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Outcome is the outcome of a refresh that succeeded.
type Outcome string

// The outcomes of a refresh.
const (
	// Rotated means that this refresh made the next generation.
	Rotated Outcome = "rotated"
	// Replayed means that another request with the same token had made it, and
	// the grace has not passed.
	Replayed Outcome = "replayed"
)

// RefreshRequest is the request of a client that presents a refresh token.
type RefreshRequest struct {
	// Handle is the content of the token, from [Handles.Parse].
	Handle Handle
	// Client is the id of the client that presents it.
	Client string
	// Bound is true if the client proved its secret in this request. JKT is the
	// thumbprint of the key that it proved, empty for none. A grant that is bound
	// to either is refused without it.
	Bound bool
	JKT   string
	// Idle is how long the grant may stay unused from now on.
	Idle time.Duration
	// Grace is how long after a refresh of a bearer client its old token is
	// accepted again, at most [MaxGrace].
	Grace time.Duration
	// ClientInfo is where the request comes from.
	ClientInfo ClientInfo
	// RequestID joins the audit entry of a reuse to the log.
	RequestID string
}

// Refresh moves a grant to its next generation (RFC 9700 §4.14.2): the token
// presented becomes invalid and the next one valid. [Handles.Next] writes that one.
//
// A client may lose the response and ask again, or ask twice at once. So the first of
// all requests with one token writes, and the others get the same next generation
// within the grace. For a bearer client the grace is a short time after the first
// request. For a client that proves a secret or a key it lasts until the next token is
// used. A token that comes later was copied: the grant ends and the error is a
// [*ReuseError].
//
// ErrEnded is returned when there is no grant to refresh, or for a token of another
// client. ErrKey is returned when the client has not proved the right key. Neither
// changes the grant.
//
// A refresh is one write with the rule as its condition, and no read. When the condition
// fails, DynamoDB returns the stored item, and that item decides. In particular the
// SDK repeats a write when its response is lost, and then finds the result of its own
// first attempt. The random turn in the item identifies that case, regardless of the
// grace.
func (s *Store) Refresh(ctx context.Context, r RefreshRequest) (*Grant, Outcome, error) {
	if r.Idle <= 0 {
		return nil, "", fmt.Errorf("refresh grant %s: idle %v is no lifetime", r.Handle.Grant, r.Idle)
	}
	now := s.Now(ctx)
	turn := make([]byte, 8)
	rand.Read(turn) // never fails (crypto/rand)
	out, err := dynamo.UpdateItem(ctx, s.DB, s.rotation(r, now, turn))
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return s.judge(ctx, r, failed.Item, now, turn)
	}
	if err != nil {
		return nil, "", fmt.Errorf("refresh grant %s: %w", r.Handle.Grant, err)
	}
	g, err := decodeGrant(out.Attributes)
	return g, Rotated, err
}

func (s *Store) rotation(r RefreshRequest, now time.Time, turn []byte) *dynamodb.UpdateItemInput {
	bind := "none"
	if r.Bound {
		bind = bindSecret
	}
	update := "SET #gen = :next, #rotated = :ms, #turn = :turn, #idle = :idle, #ip = :ip, #agent = :agent"
	condition := "#gen = :gen AND #state = :active AND #client = :client AND #idle > :now AND #abs > :now" +
		" AND (attribute_not_exists(#bind) OR #bind = :bind"
	if r.JKT != "" {
		condition += " OR #bind = :key"
	}
	condition += ")"
	in := &dynamodb.UpdateItemInput{
		TableName: &s.Sessions, Key: KindGrant.key(r.Handle.Subject, r.Handle.Grant),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: dynamo.Names(attrGeneration, attrState, attrClient, attrIdle, attrAbsolute, attrBind,
			attrRotated, attrTurn, attrIP, attrAgent),
		ExpressionAttributeValues: dynamo.Item{
			":gen": dynamo.Number(int64(r.Handle.Generation)), ":next": dynamo.Number(int64(r.Handle.Generation) + 1),
			":active": dynamo.Text(stateActive), ":client": dynamo.Text(r.Client), ":bind": dynamo.Text(bind),
			":now": dynamo.Seconds(now), ":ms": dynamo.Millis(now), ":idle": dynamo.Seconds(now.Add(r.Idle)),
			":ip": dynamo.Text(r.ClientInfo.IP), ":agent": dynamo.Text(r.ClientInfo.Agent),
			":turn": dynamo.Bytes(turn),
		},
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if r.JKT != "" {
		in.ExpressionAttributeValues[":key"] = dynamo.Text(bindKey + r.JKT)
	}
	return in
}

// judge decides by the item for which the condition of a refresh failed.
func (s *Store) judge(ctx context.Context, r RefreshRequest, old dynamo.Item, now time.Time, turn []byte) (*Grant, Outcome, error) {
	h := r.Handle
	if len(old) == 0 {
		return nil, "", fmt.Errorf("refresh grant %s: absent: %w", h.Grant, ErrEnded)
	}
	g, err := decodeGrant(old)
	if err != nil {
		return nil, "", err
	}
	switch {
	case !g.live(now):
		return nil, "", fmt.Errorf("refresh grant %s: %w", h.Grant, ErrEnded)
	case g.Client != r.Client:
		return nil, "", fmt.Errorf("refresh grant %s: it is another client's: %w", h.Grant, ErrEnded)
	case g.Bound && !r.Bound:
		return nil, "", fmt.Errorf("refresh grant %s: its client has proved nothing: %w", h.Grant, ErrEnded)
	case g.JKT != "" && g.JKT != r.JKT:
		return nil, "", fmt.Errorf("refresh grant %s: %w", h.Grant, ErrKey)
	case g.Generation <= h.Generation:
		// The token is newer than the item, as after a restored backup.
		return nil, "", fmt.Errorf("refresh grant %s: generation %d is not there: %w", h.Grant, h.Generation, ErrEnded)
	case bytes.Equal(g.turn, turn):
		return g, Rotated, nil
	case g.Generation == h.Generation+1 && (g.Bound || g.JKT != "" || now.Sub(g.Used) < min(r.Grace, MaxGrace)):
		return g, Replayed, nil
	}
	return nil, "", s.reused(ctx, r)
}

// reused ends the grant. The error is a *ReuseError only once that is written, so
// that after a failure the next attempt detects the reuse again.
func (s *Store) reused(ctx context.Context, r RefreshRequest) error {
	h := r.Handle
	err := s.end(ctx, KindGrant, h.Subject, h.Grant, Reused, audit.Entry{
		Actor: r.Client, Action: ActionEndGrant, Outcome: audit.Success, RequestID: r.RequestID,
		Detail: map[string]string{
			"generation": strconv.FormatUint(uint64(h.Generation), 10),
			"ip":         r.ClientInfo.IP, "agent": r.ClientInfo.Agent,
		},
	})
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	return &ReuseError{Subject: h.Subject, Grant: h.Grant, Generation: h.Generation}
}
