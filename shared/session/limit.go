package session

import (
	"context"
	"errors"
	"strconv"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// limit is what a creation found when the subject had as many items as it may
// have: how many it counted, by a count that has not changed since, and which items
// give way.
type limit struct {
	seen    int64
	live    int
	victims []Item
}

// errMoved is the failure of a write that was planned on what is no longer so: the
// count has reached the limit, or an item that was to give way has changed. The
// caller looks again.
var errMoved = errors.New("items have changed meanwhile")

// counting counts an item that is created. The count goes up with each creation
// and down only when it is taken again, so it is never too low: what ends or
// expires in between does not have to be written twice.
func (s *Store) counting(ctx context.Context, subject string, full *limit) dynamo.Write {
	key, ttl := dynamo.Key(contract.SubjectPrefix.Of(subject), skCount), dynamo.Seconds(s.Now(ctx).Add(MaxLife+kept))
	if full == nil {
		return dynamo.Update(s.Sessions, key,
			dynamo.Changes{Set: dynamo.Item{contract.TTL: ttl}, Raise: []string{attrCount}},
			dynamo.Any(dynamo.Absent(attrCount), dynamo.Less(attrCount, dynamo.Number(MaxItems)))).Else(errMoved)
	}
	n := int64(full.live - len(full.victims) + 1)
	return dynamo.Update(s.Sessions, key,
		dynamo.Changes{Set: dynamo.Item{contract.TTL: ttl, attrCount: dynamo.Number(n)}},
		dynamo.Equal(attrCount, dynamo.Number(full.seen))).Else(errMoved)
}

// limit counts again. The count is read before the items: if it is unchanged when
// the creation is written, nothing was created that is not among the items.
func (s *Store) limit(ctx context.Context, c creation) (*limit, error) {
	seen, err := s.count(ctx, c.subject)
	if err != nil {
		return nil, err
	}
	items, err := s.active(ctx, c.subject, s.Now(ctx))
	if err != nil {
		return nil, err
	}
	r := &limit{seen: seen, live: len(items)}
	for i := len(items) - 1; i >= 0 && r.live-len(r.victims) >= MaxItems; i-- {
		if items[i].ID != c.login && len(r.victims) < maxVictims {
			r.victims = append(r.victims, items[i])
		}
	}
	return r, nil
}

// maxVictims keeps the transaction in its bounds: each is up to three writes.
const maxVictims = 30

func (s *Store) evictions(ctx context.Context, c creation, full *limit) dynamo.Tx {
	if full == nil {
		return nil
	}
	var writes dynamo.Tx
	for _, v := range full.victims {
		e := audit.Entry{Actor: c.subject, Action: v.Kind.endAction(), Outcome: audit.Success, RequestID: c.entry.RequestID}
		e.Detail = map[string]string{"live": strconv.Itoa(full.live)}
		writes = append(writes, s.ending(ctx, v.Kind, c.subject, v.ID, Evicted).Else(errMoved), s.Trail.Put(ctx, about(e, v.Kind, c.subject, v.ID, Evicted)))
		if v.Notify {
			writes = append(writes, s.notice(ctx, c.subject, v))
		}
	}
	return writes
}
