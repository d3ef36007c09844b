package session

import (
	"context"
	"errors"
	"strconv"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// limit is the plan of a creation for a subject that has reached [MaxItems]: the items
// that it counted, the stored count that must not have changed since, and the items
// that are evicted.
type limit struct {
	seen    int64
	live    int
	victims []Item
}

// errMoved is the failure of a write with an outdated plan: the count has reached the
// limit, or an item to evict has changed. The caller reads again.
var errMoved = errors.New("items have changed since they were read")

// counting returns the write that counts a new item. The count rises with each
// creation and falls only when the items are counted again. So it is never too low,
// and an end or an expiry does not have to write it.
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

// limit counts the items again. The count is read before the items: if it is unchanged
// when the creation is written, the items include everything that was created.
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

// maxVictims bounds the transaction: each evicted item takes up to three writes.
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
