package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// MaxRefusals is how many refused credentials of one principal have an entry of
// their own in an hour. After them there is one each time their number has
// doubled, with the number so far: a million wrong passwords leave ten entries
// and seventeen more, and nobody can flood the trail or run up its bill.
const MaxRefusals = 10

// DetailRefusals is the name of the detail with the number of refusals in the
// hour so far, on the entries after the first MaxRefusals.
const DetailRefusals = "refused_this_hour"

// Refusals records refused credentials of those whom we know. The trail only
// grows, so the counter is elsewhere: an item of the sessions table for each
// principal and hour.
type Refusals struct {
	DB *dynamodb.Client
	// Sessions is the table with the counters.
	Sessions string
	Trail    *Trail
}

// Record counts a refused credential of e.Subject and writes e unless there are
// enough of the kind. It makes one or two writes. Nothing depends on it: after
// an error the caller refuses all the same and counts the failure.
func (r *Refusals) Record(ctx context.Context, e Entry) error {
	e.Outcome = Refused
	n, err := r.count(ctx, e.Subject)
	if err != nil || !recorded(n) {
		return err
	}
	if n > MaxRefusals {
		e.Detail = maps.Clone(e.Detail)
		if e.Detail == nil {
			e.Detail = map[string]string{}
		}
		e.Detail[DetailRefusals] = strconv.FormatInt(n, 10)
	}
	put := r.Trail.Put(ctx, e).Put
	_, err = r.DB.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: put.TableName, Item: put.Item, ConditionExpression: put.ConditionExpression,
	})
	if err != nil {
		return fmt.Errorf("record a refusal: %w", err)
	}
	return nil
}

// Pretend does the work of Record, in the same time, for a name that nobody has.
// It leaves no entry. Whoever watches the clock does not learn from it which
// names exist. The name should be a pseudonym: it stands in the table for a day.
func (r *Refusals) Pretend(ctx context.Context, name string) error {
	n, err := r.count(ctx, name)
	if err != nil || !recorded(n) {
		return err
	}
	it := r.counter(ctx, name)
	it.UpdateExpression = new("SET #n = #n")
	it.ConditionExpression = new("attribute_exists(" + contract.PK + ")")
	it.ExpressionAttributeNames = map[string]string{"#n": attrCount}
	if _, err := r.DB.UpdateItem(ctx, it); err != nil {
		return fmt.Errorf("count a refusal: %w", err)
	}
	return nil
}

// recorded reports whether refusal n of an hour has an entry.
func recorded(n int64) bool {
	if n <= MaxRefusals {
		return true
	}
	for n > MaxRefusals && n%2 == 0 {
		n /= 2
	}
	return n == MaxRefusals
}

// attrCount is the attribute of a counter, besides the keys and the TTL.
const attrCount = "n"

// kept is how long after its hour a counter stays.
const kept = 24 * time.Hour

func (r *Refusals) count(ctx context.Context, principal string) (int64, error) {
	in := r.counter(ctx, principal)
	in.UpdateExpression = new("ADD #n :one SET #ttl = :ttl")
	in.ExpressionAttributeNames = map[string]string{"#n": attrCount, "#ttl": contract.TTL}
	in.ExpressionAttributeValues = dynamo.Item{
		":one": dynamo.Number(1),
		":ttl": dynamo.Seconds(r.Trail.Now(ctx).Add(kept)),
	}
	in.ReturnValues = types.ReturnValueUpdatedNew
	out, err := r.DB.UpdateItem(ctx, in)
	if err != nil {
		return 0, fmt.Errorf("count a refusal: %w", err)
	}
	n, ok := out.Attributes[attrCount].(*types.AttributeValueMemberN)
	if !ok {
		return 0, errors.New("count a refusal: the counter is no number")
	}
	return strconv.ParseInt(n.Value, 10, 64)
}

// counter addresses the counter of a principal and this hour.
func (r *Refusals) counter(ctx context.Context, principal string) *dynamodb.UpdateItemInput {
	return &dynamodb.UpdateItemInput{
		TableName: &r.Sessions, Key: dynamo.Key("refused#"+principal, hour(r.Trail.Now(ctx))),
	}
}
