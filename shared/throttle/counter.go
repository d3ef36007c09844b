package throttle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of a counter. All attributes are always present.
const (
	skThrottle = "throttle"

	attrCount = "n"
	attrAt    = "at" // of the last attempt, epoch milliseconds
)

// backoff is an allowance of [Free] attempts. Each further attempt must wait.
type backoff struct {
	pk string
	// browser marks the allowance of a known browser: only Succeeded creates and
	// prolongs it. The others come into being with their first attempt and are
	// forgotten after Memory.
	browser bool
}

// maxTries bounds how often a write is repeated because another attempt was faster. Each
// of those used a part of the allowance, which is used up before maxTries.
const maxTries = 2 * Free

// charge counts an attempt against an allowance or returns a *LimitError. It reports
// whether there is such an allowance: a browser that is not known has none.
//
// DynamoDB can add and compare but not double, so the rule has two writes. The
// first one holds while attempts are free. If it does not, the item that comes
// with the refusal says when the next attempt may come, and the second one
// counts it on the condition that no other request did so in between.
//
// When the reply to a write is lost, the SDK writes again and counts twice. The
// rule errs on the side of waiting.
func (s *Store) charge(ctx context.Context, b backoff) (found bool, err error) {
	now := s.Now(ctx)
	seen, err := s.write(ctx, b, now, free(b, now))
	for range maxTries {
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, errCondition) {
			return true, err
		}
		n, at := seen.Number(attrCount), time.UnixMilli(seen.Number(attrAt))
		expired := seen.Number(contract.TTL) <= now.Unix()
		if b.browser && expired {
			return false, nil
		}
		if expired || now.Sub(at) >= Memory {
			n = 0
		}
		if left := at.Add(wait(n)).Sub(now); n >= Free && left > 0 {
			return true, tooEarly(left)
		}
		seen, err = s.write(ctx, b, now, after(seen, n+1))
	}
	if errors.Is(err, errCondition) {
		return true, tooEarly(FirstWait)
	}
	return true, err
}

// rule is the condition under which an attempt is counted, and the new count.
type rule struct {
	condition, count string
	values           dynamo.Item
}

func free(b backoff, now time.Time) rule {
	r := rule{
		condition: "n < :free AND #ttl > :seconds",
		count:     "if_not_exists(n, :zero) + :one",
		values:    dynamo.Item{":free": dynamo.Number(Free), ":seconds": dynamo.Seconds(now), ":zero": dynamo.Number(0), ":one": dynamo.Number(1)},
	}
	if !b.browser {
		r.condition = "attribute_not_exists(pk) OR " + r.condition
	}
	return r
}

// after is the rule for an attempt after the one in seen. The TTL may have removed that
// one since.
func after(seen dynamo.Item, n int64) rule {
	if len(seen) == 0 {
		return rule{condition: "attribute_not_exists(#ttl)", count: ":next", values: dynamo.Item{":next": dynamo.Number(n)}}
	}
	return rule{
		condition: "n = :n AND #at = :at AND #ttl = :seen", count: ":next",
		values: dynamo.Item{":n": seen[attrCount], ":at": seen[attrAt], ":seen": seen[contract.TTL], ":next": dynamo.Number(n)},
	}
}

// placeholders are for the attributes with reserved words as names.
var placeholders = map[string]string{"#at": attrAt, "#ttl": contract.TTL}

// errCondition is returned when the condition of a write does not hold.
var errCondition = errors.New("condition does not hold")

// write counts an attempt by a rule. With errCondition it returns the item as
// it is, which is empty when there is none.
func (s *Store) write(ctx context.Context, b backoff, now time.Time, r rule) (dynamo.Item, error) {
	set := "SET n = " + r.count + ", #at = :now"
	r.values[":now"] = dynamo.Millis(now)
	if !b.browser {
		set += ", #ttl = :ttl"
		r.values[":ttl"] = dynamo.Seconds(now.Add(Memory))
	}
	return s.update(ctx, b.pk, &dynamodb.UpdateItemInput{
		UpdateExpression: &set, ConditionExpression: &r.condition,
		ExpressionAttributeNames: placeholders, ExpressionAttributeValues: r.values,
	})
}

// count counts an attempt in the counter of a minute, or returns a [*LimitError].
func (s *Store) count(ctx context.Context, pk string) error {
	now := s.Now(ctx)
	next := now.Truncate(time.Minute).Add(time.Minute)
	_, err := s.update(ctx, pk, &dynamodb.UpdateItemInput{
		UpdateExpression:         new("SET n = if_not_exists(n, :zero) + :one, #at = :now, #ttl = :ttl"),
		ConditionExpression:      new("attribute_not_exists(pk) OR n < :max"),
		ExpressionAttributeNames: placeholders,
		ExpressionAttributeValues: dynamo.Item{
			":zero": dynamo.Number(0), ":one": dynamo.Number(1), ":max": dynamo.Number(PerMinute),
			":now": dynamo.Millis(now), ":ttl": dynamo.Seconds(next),
		},
	})
	if errors.Is(err, errCondition) {
		return tooEarly(next.Sub(now))
	}
	return err
}

// remember makes a browser known, with all its attempts free.
func (s *Store) remember(ctx context.Context, pk string) error {
	now := s.Now(ctx)
	it := key(pk)
	it[attrCount] = dynamo.Number(0)
	it[attrAt] = dynamo.Millis(now)
	it[contract.TTL] = dynamo.Seconds(now.Add(BrowserLife))
	if _, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Sessions, Item: it}); err != nil {
		return fmt.Errorf("throttle: remember a browser: %w", err)
	}
	return nil
}

// refund takes one attempt out of a counter.
func (s *Store) refund(ctx context.Context, pk string) error {
	_, err := s.update(ctx, pk, &dynamodb.UpdateItemInput{
		UpdateExpression:          new("SET n = n - :one"),
		ConditionExpression:       new("n > :zero"),
		ExpressionAttributeValues: dynamo.Item{":zero": dynamo.Number(0), ":one": dynamo.Number(1)},
	})
	if errors.Is(err, errCondition) {
		return nil
	}
	return err
}

func (s *Store) update(ctx context.Context, pk string, in *dynamodb.UpdateItemInput) (dynamo.Item, error) {
	in.TableName, in.Key = &s.Sessions, key(pk)
	in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	_, err := s.DB.UpdateItem(ctx, in)
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return failed.Item, errCondition
	}
	if err != nil {
		return nil, fmt.Errorf("throttle: count an attempt: %w", err)
	}
	return nil, nil
}

func key(pk string) dynamo.Item { return dynamo.Key(pk, skThrottle) }
