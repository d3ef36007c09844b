package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

const (
	// batch is how many writes of one transaction end items and write notices. The
	// user's item, the audit entry and one spare write make it 100, the limit of
	// DynamoDB.
	batch = 97
	// skew is how far the clocks of two functions may differ. An item that has just
	// expired for one may still be refreshed by the other, so it is ended as well.
	skew = time.Minute
)

// EndAll ends every login and grant of a subject. It raises the user's auth_gen in the
// same transaction as the first items, so that a concurrent sign-in does not survive.
// It returns when all have ended, with the number of items that this call ended.
// Another call completes one that failed half-way.
func (s *Store) EndAll(ctx context.Context, subject string, c Cause) (int, error) {
	return s.ChangeUser(ctx, subject, dynamo.UserChange{}, c)
}

// ChangeUser is [Store.EndAll] with a change of the user's item in that first
// transaction. It returns [ErrStale], and nothing has ended, when a condition of the
// change does not hold. It returns [ErrUnknown] when there is something to change and
// no such user, or the failure of one of change.Also, of which there are at most
// [MaxAlso].
func (s *Store) ChangeUser(ctx context.Context, subject string, change dynamo.UserChange, c Cause) (int, error) {
	if len(change.Also) > MaxAlso {
		return 0, fmt.Errorf("end all of %s: %d writes beside it are too many", subject, len(change.Also))
	}
	w := &sweep{
		store: s, subject: subject, cause: c, action: ActionEndAll,
		first: append(dynamo.Tx{s.raise(subject, change)}, change.Also...), again: true,
		pick: func(items []Item) []Item { return items },
	}
	ended, err := w.run(ctx)
	if errors.Is(err, ErrUnknown) && change.Empty() && len(change.Also) == 0 {
		// The user is deleted: no item can be created any more.
		w.first = nil
		ended, err = w.run(ctx)
	}
	if err != nil {
		return ended, fmt.Errorf("end all of %s: %w", subject, err)
	}
	return ended, nil
}

// EndOthers ends everything of a subject except one item and what belongs to the same
// browser: the login of a kept grant, and the grants of a kept login. It returns
// [ErrUnknown], and ends nothing, when the item to keep is not live.
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

// EndClient ends every grant of a client and returns their number.
func (s *Store) EndClient(ctx context.Context, subject, client string, c Cause) (int, error) {
	w := &sweep{store: s, subject: subject, cause: c, action: ActionEndGrant, again: true}
	w.object = func() string { return contract.ClientPrefix.Of(client) }
	w.pick = func(items []Item) []Item {
		return slices.DeleteFunc(items, func(i Item) bool { return i.Kind != KindGrant || i.Client != client })
	}
	ended, err := w.run(ctx)
	if err != nil {
		return ended, fmt.Errorf("end what %s has of %s: %w", client, subject, err)
	}
	return ended, nil
}

// EndItem ends the live login or grant of that id, and with a login its grants. The
// clients of the grants that outlive the login get a notice as well: the user has
// signed out of their pages (OpenID Connect Back-Channel Logout §2.7). It returns the
// number of items that it ended, or [ErrUnknown] when there is none.
func (s *Store) EndItem(ctx context.Context, subject, id string, c Cause) (int, error) {
	w := &sweep{store: s, subject: subject, cause: c, action: ActionEndGrant}
	w.outlives = func(i Item) bool { return i.Browser == id && i.ID != id }
	w.pick = func(items []Item) []Item {
		picked := slices.DeleteFunc(items, func(i Item) bool { return i.ID != id && i.Login != id && i.Browser != id })
		if slices.ContainsFunc(picked, func(i Item) bool { return i.Kind == KindLogin }) {
			// A grant may be created under a login until the login has ended.
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

// EndLogin ends a login and its grants, as [Store.EndItem] does. A login that has
// ended is no error.
func (s *Store) EndLogin(ctx context.Context, subject, id string, c Cause) (int, error) {
	ended, err := s.EndItem(ctx, subject, id, c)
	if errors.Is(err, ErrUnknown) {
		return 0, nil
	}
	return ended, err
}

// sweep ends items of a subject until none is left to pick.
type sweep struct {
	store   *Store
	subject string
	cause   Cause
	action  audit.Action
	object  func() string // nil: the user
	// first are writes of the first transaction, nil once they are done.
	first dynamo.Tx
	pick  func([]Item) []Item
	// outlives reports whether a picked item goes on and only its client gets a
	// notice; nil for none.
	outlives func(Item) bool
	// again asks for another read after everything was ended, to find what was
	// created between the first read and the end.
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
		if len(items) == 0 && len(w.first) == 0 {
			return ended, nil
		}
		// Logins first: after that no grant can be created under them.
		slices.SortStableFunc(items, func(a, b Item) int { return rank(a) - rank(b) })
		n, err := w.endAll(ctx, items)
		ended += n
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil || !w.again {
			return ended, err
		}
	}
	return ended, dynamo.ErrBusy
}

func rank(i Item) int {
	if i.Kind == KindLogin {
		return 0
	}
	return 1
}

// endAll ends the items in batches.
func (w *sweep) endAll(ctx context.Context, items []Item) (int, error) {
	ended := 0
	for len(items) > 0 || len(w.first) > 0 {
		now := items[:w.fitting(items)]
		if err := w.write(ctx, now); err != nil {
			return ended, err
		}
		ended += len(now) - w.living(now)
		items, w.first = items[len(now):], nil
	}
	return ended, nil
}

// living returns how many of the items go on.
func (w *sweep) living(items []Item) int {
	n := 0
	for _, i := range items {
		if w.outlives != nil && w.outlives(i) {
			n++
		}
	}
	return n
}

// fitting returns how many of the items fit into one transaction.
func (w *sweep) fitting(items []Item) int {
	writes := 0
	for n, i := range items {
		if writes++; w.cause.tells(i) {
			writes++
		}
		if writes > batch-max(0, len(w.first)-1) {
			return n
		}
	}
	return len(items)
}

func (w *sweep) write(ctx context.Context, items []Item) error {
	var tx dynamo.Tx
	for _, i := range items {
		if w.outlives != nil && w.outlives(i) {
			tx = append(tx, w.store.parting(w.subject, i))
			continue
		}
		tx = append(tx, w.store.ending(ctx, i.Kind, w.subject, i.ID, w.cause.Why).Else(errMoved))
	}
	e := w.cause.entry(w.action)
	e.Subject, e.Object = w.subject, contract.UserPrefix.Of(w.subject)
	if w.object != nil {
		e.Object = w.object()
	}
	e.Detail = map[string]string{attrWhy: w.cause.Why, "ended": strconv.Itoa(len(items) - w.living(items))}
	if len(items) == 1 && items[0].Kind == KindGrant {
		e.Detail[attrClient] = items[0].Client
	}
	tx = append(append(tx, w.store.Trail.Put(ctx, e)), w.first...)
	for _, i := range items {
		if w.cause.tells(i) {
			tx = append(tx, w.store.notice(ctx, w.subject, i))
		}
	}
	return tx.Run(ctx, w.store.DB)
}

// raise returns the write that changes the user's item and raises its auth_gen. Every
// transaction that checks the old auth_gen is refused from then on.
func (s *Store) raise(subject string, change dynamo.UserChange) dynamo.Write {
	c := change.Changes
	c.Raise = append([]string{dynamo.AttrAuthGen, dynamo.AttrRevision}, c.Raise...)
	conditions := append([]dynamo.Condition{dynamo.Exists()}, change.If...)
	return dynamo.Update(s.Registry, dynamo.UserKey(subject), c, conditions...).ElseBy(func(stored dynamo.Item) error {
		if len(stored) == 0 {
			return ErrUnknown
		}
		return ErrStale
	})
}
