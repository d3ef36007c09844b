package session

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// room is what a creation found when there was none: how many items it counted,
// by a count that nobody has changed since, and who gives way.
type room struct {
	seen    int64
	live    int
	victims []Item
}

// counting counts an item that is created. The count goes up with each creation
// and down only when it is taken anew, so it is never too low: what ends or
// expires in between does not have to be written twice.
func (s *Store) counting(ctx context.Context, subject string, full *room) types.TransactWriteItem {
	update, condition := "ADD #n :n SET #ttl = :ttl", "attribute_not_exists(#n) OR #n < :bound"
	n, bound := int64(1), int64(MaxItems)
	if full != nil {
		update, condition = "SET #n = :n, #ttl = :ttl", "#n = :bound"
		n, bound = int64(full.live-len(full.victims)+1), full.seen
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Sessions, Key: dynamo.Key("sub#"+subject, skCount),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: dynamo.Names(attrCount, contract.TTL),
		ExpressionAttributeValues: dynamo.Item{
			":n": dynamo.Number(n), ":bound": dynamo.Number(bound), ":ttl": dynamo.Seconds(s.Now(ctx).Add(MaxLife + kept)),
		},
	}}
}

// room counts anew. The count is read before the items: if it is unchanged when
// the creation is written, nothing was created that is not among the items.
func (s *Store) room(ctx context.Context, c creation) (*room, error) {
	seen, err := s.count(ctx, c.subject)
	if err != nil {
		return nil, err
	}
	items, err := s.active(ctx, c.subject, s.Now(ctx))
	if err != nil {
		return nil, err
	}
	r := &room{seen: seen, live: len(items)}
	for i := len(items) - 1; i >= 0 && r.live-len(r.victims) >= MaxItems; i-- {
		if items[i].ID != c.login && len(r.victims) < maxVictims {
			r.victims = append(r.victims, items[i])
		}
	}
	return r, nil
}

// maxVictims keeps the transaction in its bounds: each is up to three writes.
const maxVictims = 30

func (s *Store) evictions(ctx context.Context, c creation, full *room) []types.TransactWriteItem {
	if full == nil {
		return nil
	}
	var items []types.TransactWriteItem
	for _, v := range full.victims {
		e := audit.Entry{Actor: c.subject, Action: v.Kind.endAction(), Outcome: audit.Success, RequestID: c.entry.RequestID}
		e.Detail = map[string]string{"live": strconv.Itoa(full.live)}
		items = append(items, s.ending(ctx, v.Kind, c.subject, v.ID, Evicted), s.Trail.Put(ctx, about(e, v.Kind, c.subject, v.ID, Evicted)))
		if v.Notify {
			items = append(items, s.notice(ctx, c.subject, v))
		}
	}
	return items
}
