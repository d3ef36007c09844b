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

// MaxRefusals is how many refused credentials of one principal have a separate entry in
// an hour. After them there is one entry each time their number has doubled, with the
// number so far. A million wrong passwords leave ten entries and seventeen more, so an
// attacker can neither flood the trail nor raise its cost.
const MaxRefusals = 10

// DetailRefusals is the detail with the number of refusals in the hour so far, in the
// entries after the first [MaxRefusals].
const DetailRefusals = "refused_this_hour"

// Refusals records refused credentials of known principals. The trail only grows, so
// the counter is an item of the sessions table for each principal and hour.
type Refusals struct {
	DB *dynamodb.Client
	// Sessions is the table with the counters.
	Sessions string
	Trail    *Trail
}

// Record counts a refused credential of e.Subject, and writes e if that refusal has an
// entry (see [MaxRefusals]). It makes one or two writes. After an error the caller
// refuses all the same and counts the failure.
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
	_, err = r.DB.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &r.Trail.Table, Item: r.Trail.item(ctx, e),
		ConditionExpression: new("attribute_not_exists(" + contract.PK + ")"),
	})
	if err != nil {
		return fmt.Errorf("record a refusal: %w", err)
	}
	return nil
}

// Pretend does the work of [Refusals.Record], in the same time, for a name that does
// not exist, and leaves no entry. So the response time does not reveal which names
// exist. The name should be a pseudonym: it is stored in the table for a day.
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

// attrCount is the attribute of a counter, in addition to the keys and the TTL.
const attrCount = "n"

// kept is how long a counter is kept after its last refusal.
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

// counter returns the update of the counter of a principal for this hour.
func (r *Refusals) counter(ctx context.Context, principal string) *dynamodb.UpdateItemInput {
	return &dynamodb.UpdateItemInput{
		TableName: &r.Sessions, Key: dynamo.Key(contract.RefusedPrefix.Of(principal), hour(r.Trail.Now(ctx))),
	}
}
