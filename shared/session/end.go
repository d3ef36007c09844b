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

// Cause is why something ends, for the item and for the trail.
type Cause struct {
	// Why is one of the reasons of this package.
	Why string
	// Actor did it: a client, a subject, or an operator.
	Actor     string
	RequestID string
	// Action is what the trail calls it, empty for what this package does.
	Action audit.Action
}

func (c Cause) entry(action audit.Action) audit.Entry {
	if c.Action != "" {
		action = c.Action
	}
	return audit.Entry{Actor: c.Actor, Action: action, Outcome: audit.Success, RequestID: c.RequestID}
}

// tells reports whether the client of an item is told that it ends: when it wants
// to know and does not do it itself.
func (c Cause) tells(i Item) bool { return i.Notify && i.Client != c.Actor }

// notice is the write that has a client told that the session of its grant has
// ended.
func (s *Store) notice(ctx context.Context, subject string, i Item) dynamo.Write {
	return backchannel.Notices.Put(s.Sessions, s.Now(ctx), backchannel.Notice{Client: i.Client, Subject: subject, Session: i.ID})
}

// parting is the write after which a grant has nothing to do any more with the
// browser session in which it was given.
func (s *Store) parting(subject string, i Item) dynamo.Write {
	return dynamo.Update(s.Sessions, i.Kind.key(subject, i.ID), dynamo.Changes{Remove: []string{attrBrowser}},
		dynamo.Equal(attrState, dynamo.Text(stateActive)), dynamo.Equal(attrBrowser, dynamo.Text(i.Browser))).Else(errMoved)
}

// End ends a grant, with its audit entry in the same transaction. When it
// returns nil, no refresh token of the grant works any more, and a refresh that
// ran at the same time cannot bring it back. Ending it again is no error and
// leaves no second entry. A grant that is not there is ErrUnknown. The client is
// not told: it is the one who asks for this.
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

// errEndedBefore is the failure of ending an item that has ended before.
var errEndedBefore = errors.New("item has ended before")

// about makes e an entry about one item and why it ended.
func about(e audit.Entry, k Kind, subject, id, why string) audit.Entry {
	e.Subject, e.Object = subject, k.sort(id)
	detail := map[string]string{attrWhy: why}
	maps.Copy(detail, e.Detail)
	e.Detail = detail
	return e
}

// ending is the write that ends an item. It does nothing to one that has been
// ended before, so that the first reason stays: it fails with errEndedBefore, or
// with ErrUnknown when there is no such item.
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
