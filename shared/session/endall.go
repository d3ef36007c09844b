package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

const (
	// batch is how many writes one transaction makes to end items and have
	// their clients told, beside the user's item, the audit entry and one to
	// spare: DynamoDB takes a hundred.
	batch = 97
	// skew is how far the clocks of two functions may differ: what has just
	// expired here may still be refreshed there, so it is ended as well.
	skew = time.Minute
)

// UserChange is what else changes on the user's item when everything of the user
// ends, such as the password.
type UserChange struct {
	// Set is the rest of a SET clause, such as "password = :password".
	Set string
	// Remove is the rest of a REMOVE clause.
	Remove string
	// If is a condition on the user's item, empty for none. When it does not hold
	// the error is ErrStale, and nothing has ended.
	If string
	// Values are the values that Set and If name.
	Values map[string]types.AttributeValue
	// Also are writes that happen with the change or not at all, at most
	// MaxAlso. Of one whose condition does not hold the error is an *AlsoError,
	// and nothing has ended.
	Also []types.TransactWriteItem
}

// any reports whether something is to change.
func (c UserChange) any() bool { return c.Set != "" || c.Remove != "" || len(c.Also) > 0 }

// EndAll ends everything of a subject, and raises the user's auth_gen in the same
// transaction as the first items, so that a sign-in that runs at the same time
// does not survive it. It returns when all have ended, and how many it ended
// itself. A call that fails half-way is made good by another one.
func (s *Store) EndAll(ctx context.Context, subject string, c Cause) (int, error) {
	return s.ChangeUser(ctx, subject, UserChange{}, c)
}

// ChangeUser is EndAll with a change of the user's item in that same transaction.
// A user who is not there is ErrUnknown when something was to change.
func (s *Store) ChangeUser(ctx context.Context, subject string, change UserChange, c Cause) (int, error) {
	if len(change.Also) > MaxAlso {
		return 0, fmt.Errorf("end all of %s: %d writes beside it are too many", subject, len(change.Also))
	}
	raise := s.raise(subject, change)
	w := &sweep{
		store: s, subject: subject, cause: c, action: ActionEndAll, raise: &raise, also: change.Also, again: true,
		pick: func(items []Item) []Item { return items },
	}
	ended, err := w.run(ctx)
	if errors.Is(err, ErrUnknown) && !change.any() {
		// The user is gone: nothing can be created any more.
		w.raise = nil
		ended, err = w.run(ctx)
	}
	if err != nil {
		return ended, fmt.Errorf("end all of %s: %w", subject, err)
	}
	return ended, nil
}

// EndOthers ends everything of a subject but one item and what belongs to the
// same browser: the login of a kept grant, and the grants of a kept login. It
// returns ErrUnknown, and ends nothing, when the item to keep is not live.
func (s *Store) EndOthers(ctx context.Context, subject, keep string, c Cause) (int, error) {
	browser := "" // unknown until the item to keep is found
	w := &sweep{store: s, subject: subject, cause: c, action: ActionEndOthers}
	w.pick = func(items []Item) []Item {
		i := slices.IndexFunc(items, func(i Item) bool { return i.ID == keep })
		if i >= 0 && browser == "" {
			browser = cmp.Or(items[i].Login, keep)
		}
		return slices.DeleteFunc(items, func(i Item) bool {
			return browser == "" || i.ID == keep || i.ID == browser || i.Login == browser
		})
	}
	ended, err := w.run(ctx)
	if err == nil && browser == "" {
		err = ErrUnknown
	}
	if err != nil {
		return ended, fmt.Errorf("end others of %s: %w", subject, err)
	}
	return ended, nil
}

// EndClient ends every grant of a client. It returns how many.
func (s *Store) EndClient(ctx context.Context, subject, client string, c Cause) (int, error) {
	w := &sweep{store: s, subject: subject, cause: c, action: ActionEndGrant, again: true}
	w.object = func() string { return "client#" + client }
	w.pick = func(items []Item) []Item {
		return slices.DeleteFunc(items, func(i Item) bool { return i.Kind != KindGrant || i.Client != client })
	}
	ended, err := w.run(ctx)
	if err != nil {
		return ended, fmt.Errorf("end what %s has of %s: %w", client, subject, err)
	}
	return ended, nil
}

// EndItem ends the live login or grant of that id, and with a login its grants.
// The clients of the grants that outlive the login are told all the same: for
// their pages the person has signed out (OIDC Back-Channel Logout §2.7). It
// returns how many items it ended, or ErrUnknown when there is none.
func (s *Store) EndItem(ctx context.Context, subject, id string, c Cause) (int, error) {
	w := &sweep{store: s, subject: subject, cause: c, action: ActionEndGrant}
	w.outlives = func(i Item) bool { return i.Browser == id && i.ID != id }
	w.pick = func(items []Item) []Item {
		picked := slices.DeleteFunc(items, func(i Item) bool { return i.ID != id && i.Login != id && i.Browser != id })
		if slices.ContainsFunc(picked, func(i Item) bool { return i.Kind == KindLogin }) {
			// A grant may be created under a login until it has ended.
			w.action, w.again = ActionEndLogin, true
		}
		return picked
	}
	w.object = func() string {
		if w.action == ActionEndLogin {
			return KindLogin.sort(id)
		}
		return KindGrant.sort(id)
	}
	ended, err := w.run(ctx)
	if err == nil && ended == 0 {
		err = ErrUnknown
	}
	if err != nil {
		return ended, fmt.Errorf("end %s: %w", id, err)
	}
	return ended, nil
}

// EndLogin ends a login and its grants. That it has ended before is no error.
func (s *Store) EndLogin(ctx context.Context, subject, id string, c Cause) (int, error) {
	ended, err := s.EndItem(ctx, subject, id, c)
	if errors.Is(err, ErrUnknown) {
		return 0, nil
	}
	return ended, err
}

// sweep ends items of a subject until there is nothing left to pick.
type sweep struct {
	store   *Store
	subject string
	cause   Cause
	action  audit.Action
	object  func() string // nil: the user
	// raise is a write of the user's item that goes with the first
	// transaction, until it is done; nil for none.
	raise *types.TransactWriteItem
	// also are writes that go with raise.
	also []types.TransactWriteItem
	pick func([]Item) []Item
	// outlives reports whether an item that was picked goes on, and only its
	// client is told; nil for none.
	outlives func(Item) bool
	// again asks for another look after everything was ended: what came in
	// between the first look and the end is still to be found.
	again bool
}

func (w *sweep) run(ctx context.Context) (int, error) {
	ended := 0
	for range passes {
		items, err := w.store.active(ctx, w.subject, w.store.Now(ctx).Add(-skew))
		if err != nil {
			return ended, err
		}
		items = w.pick(items)
		if len(items) == 0 && w.raise == nil {
			return ended, nil
		}
		// A login first: then its grants cannot become more.
		slices.SortStableFunc(items, func(a, b Item) int { return rank(a) - rank(b) })
		n, err := w.endAll(ctx, items)
		ended += n
		if _, changed := errors.AsType[*audit.ConditionError](err); changed {
			continue
		}
		if err != nil || !w.again {
			return ended, err
		}
	}
	return ended, audit.ErrBusy
}

func rank(i Item) int {
	if i.Kind == KindLogin {
		return 0
	}
	return 1
}

// endAll ends the items, batch by batch.
func (w *sweep) endAll(ctx context.Context, items []Item) (int, error) {
	ended := 0
	for len(items) > 0 || w.raise != nil {
		now := items[:w.fitting(items)]
		err := w.write(ctx, now)
		if condition, ok := errors.AsType[*audit.ConditionError](err); ok && w.raise != nil {
			switch behind := condition.Index - len(now) - 1; {
			case behind == 0 && len(condition.Item) > 0:
				return ended, ErrStale
			case behind == 0:
				return ended, ErrUnknown
			case behind > 0 && behind <= len(w.also):
				return ended, &AlsoError{Index: behind - 1, Item: condition.Item}
			}
		}
		if err != nil {
			return ended, err
		}
		ended += len(now) - w.living(now)
		items, w.raise, w.also = items[len(now):], nil, nil
	}
	return ended, nil
}

// living is how many of the items go on.
func (w *sweep) living(items []Item) int {
	n := 0
	for _, i := range items {
		if w.outlives != nil && w.outlives(i) {
			n++
		}
	}
	return n
}

// fitting is how many of the items fit into one transaction.
func (w *sweep) fitting(items []Item) int {
	writes := 0
	for n, i := range items {
		if writes++; w.cause.tells(i) {
			writes++
		}
		if writes > batch-len(w.also) {
			return n
		}
	}
	return len(items)
}

func (w *sweep) write(ctx context.Context, items []Item) error {
	var writes []types.TransactWriteItem
	for _, i := range items {
		if w.outlives != nil && w.outlives(i) {
			writes = append(writes, w.store.parting(w.subject, i))
			continue
		}
		writes = append(writes, w.store.ending(ctx, i.Kind, w.subject, i.ID, w.cause.Why))
	}
	e := w.cause.entry(w.action)
	e.Subject, e.Object = w.subject, "user#"+w.subject
	if w.object != nil {
		e.Object = w.object()
	}
	e.Detail = map[string]string{attrWhy: w.cause.Why, "ended": strconv.Itoa(len(items) - w.living(items))}
	if len(items) == 1 && items[0].Kind == KindGrant {
		e.Detail[attrClient] = items[0].Client
	}
	writes = append(writes, w.store.Trail.Put(ctx, e))
	if w.raise != nil {
		writes = append(append(writes, *w.raise), w.also...)
	}
	for _, i := range items {
		if w.cause.tells(i) {
			writes = append(writes, w.store.notice(ctx, w.subject, i))
		}
	}
	return audit.Write(ctx, w.store.DB, writes...)
}

// raise is the write of the user's item: whatever was checked against its
// auth_gen is refused from then on.
func (s *Store) raise(subject string, change UserChange) types.TransactWriteItem {
	update := "ADD #auth_gen :session_one, #rev :session_one"
	if change.Remove != "" {
		update = "REMOVE " + change.Remove + " " + update
	}
	if change.Set != "" {
		update = "SET " + change.Set + " " + update
	}
	condition := "attribute_exists(pk)"
	if change.If != "" {
		condition += " AND (" + change.If + ")"
	}
	values := dynamo.Item{":session_one": dynamo.Number(1)}
	for name, value := range change.Values {
		values[name] = value
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Registry, Key: userKey(subject),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: dynamo.Names(attrAuthGen, attrRevision), ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}
