package session

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
)

// Cause is why something ends, for the item and for the audit trail.
type Cause struct {
	// Why is one of the reasons of this package, such as [Revoked].
	Why string
	// Actor is the client, the subject or the operator that ends it.
	Actor     string
	RequestID string
	// Action is the action of the audit entry, empty for that of the method.
	Action audit.Action
}

func (c Cause) entry(action audit.Action) audit.Entry {
	if c.Action != "" {
		action = c.Action
	}
	return audit.Entry{Actor: c.Actor, Action: action, Outcome: audit.Success, RequestID: c.RequestID}
}

// tells reports whether the client of an item gets a notice of its end: it asks for
// notices and is not the actor.
func (c Cause) tells(i Item) bool { return i.Notify && i.Client != c.Actor }

// notice returns the write of the notice to a client that the session of its grant
// has ended.
func (s *Store) notice(ctx context.Context, subject string, i Item) dynamo.Write {
	return backchannel.Notices.Put(s.Sessions, s.Now(ctx), backchannel.Notice{Client: i.Client, Subject: subject, Session: i.ID})
}

// parting returns the write that removes from a grant the login in which it was
// given.
func (s *Store) parting(subject string, i Item) dynamo.Write {
	return dynamo.Update(s.Sessions, i.Kind.key(subject, i.ID), dynamo.Changes{Remove: []string{attrBrowser}},
		dynamo.Equal(attrState, dynamo.Text(stateActive)), dynamo.Equal(attrBrowser, dynamo.Text(i.Browser))).Else(errMoved)
}

// End ends a grant, with its audit entry in the same transaction. When it returns
// nil, no refresh token of the grant works any more, and a concurrent refresh cannot
// restore it. A second call returns nil and leaves no second entry. It returns
// [ErrUnknown] when there is no such grant. The client gets no notice: it has asked
// for the end.
func (s *Store) End(ctx context.Context, subject, id string, c Cause) error {
	if !validID(id) {
		return fmt.Errorf("end grant: %w", ErrUnknown)
	}
	return s.end(ctx, KindGrant, subject, id, c.Why, c.entry(ActionEndGrant))
}

// end completes the entry and ends one item.
func (s *Store) end(ctx context.Context, k Kind, subject, id, why string, e audit.Entry) error {
	e = about(e, k, subject, id, why)
	err := dynamo.Tx{s.ending(ctx, k, subject, id, why), s.Trail.Put(ctx, e)}.Run(ctx, s.DB)
	if errors.Is(err, errEndedBefore) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end %s %s: %w", k, id, err)
	}
	return nil
}

// errEndedBefore is the failure of ending an item that has ended.
var errEndedBefore = errors.New("item has ended before")

// about makes e an entry about one item and why it ended.
func about(e audit.Entry, k Kind, subject, id, why string) audit.Entry {
	e.Subject, e.Object = subject, k.sort(id)
	detail := map[string]string{attrWhy: why}
	maps.Copy(detail, e.Detail)
	e.Detail = detail
	return e
}

// ending returns the write that ends an item. It fails with errEndedBefore when the
// item has ended, so that the first reason stays, and with ErrUnknown when there is no
// such item.
func (s *Store) ending(ctx context.Context, k Kind, subject, id, why string) dynamo.Write {
	return dynamo.Update(s.Sessions, k.key(subject, id), dynamo.Changes{Set: dynamo.Item{
		attrState: dynamo.Text(stateEnded), attrEnded: dynamo.Seconds(s.Now(ctx)), attrWhy: dynamo.Text(why),
	}}, dynamo.Equal(attrState, dynamo.Text(stateActive))).ElseBy(func(stored dynamo.Item) error {
		if len(stored) == 0 {
			return ErrUnknown
		}
		return errEndedBefore
	})
}
