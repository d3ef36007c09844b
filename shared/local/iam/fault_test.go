package iam_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/local/iam"
)

// once injects a fault into the first call that needs the action.
func once(action string, f iam.Fault) func(iam.Call) iam.Fault {
	var done atomic.Bool
	return func(c iam.Call) iam.Fault {
		if c.Needs(action) && !done.Swap(true) {
			return f
		}
		return iam.Fault{}
	}
}

// bump adds one to a counter. The condition may be empty.
func bump(t *testing.T, db *dynamodb.Client, sk, condition string) error {
	t.Helper()
	in := &dynamodb.UpdateItemInput{
		TableName: new(orders), Key: key("fault", sk), UpdateExpression: new("ADD n :one"),
		ExpressionAttributeValues: item{":one": &types.AttributeValueMemberN{Value: "1"}},
	}
	if condition != "" {
		in.ConditionExpression = &condition
	}
	_, err := db.UpdateItem(t.Context(), in)
	return err
}

func TestFaultHappensAsOnAWS(t *testing.T) {
	tests := []struct {
		name      string
		fault     iam.Fault
		condition string
		// want is the error that the SDK returns, count the value of the counter
		// after that, calls the number of calls.
		want  string
		count string
		calls int
	}{
		{name: "nothing", count: "1", calls: 1},
		{name: "throttled", fault: iam.Fault{Error: iam.Throttled}, count: "1", calls: 2},
		{name: "broken", fault: iam.Fault{Error: iam.Broken}, count: "1", calls: 2},
		{name: "conflict", fault: iam.Fault{Error: iam.Conflict}, want: "TransactionConflictException", calls: 1},
		{name: "twice", fault: iam.Fault{Twice: true}, count: "2", calls: 1},
		{name: "answer lost", fault: iam.Fault{Drop: true}, count: "2", calls: 2},
		{
			name: "answer of a conditional write lost", fault: iam.Fault{Drop: true}, condition: "attribute_not_exists(n)",
			want: "ConditionalCheckFailedException", count: "1", calls: 2,
		},
		{name: "slow", fault: iam.Fault{Delay: 50 * time.Millisecond}, count: "1", calls: 1},
	}
	s := newStack(t, function("f", statement(orders, "dynamodb:UpdateItem", "dynamodb:GetItem")))
	db := s.db(t, "f")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.Inject(once("dynamodb:UpdateItem", tt.fault))
			defer s.Inject(nil)
			before, began := s.Tally("f"), time.Now()
			if err := bump(t, db, tt.name, tt.condition); code(err) != tt.want {
				t.Errorf("UpdateItem = %v, want %q", err, tt.want)
			}
			if took := time.Since(began); took < tt.fault.Delay {
				t.Errorf("UpdateItem took %v, want at least %v", took, tt.fault.Delay)
			}
			if got := s.Tally("f").Since(before).Calls["dynamodb:UpdateItem"]; got != tt.calls {
				t.Errorf("%d calls, want %d", got, tt.calls)
			}
			if got := counter(t, db, tt.name); got != tt.count {
				t.Errorf("counter = %q, want %q", got, tt.count)
			}
		})
	}
}

func counter(t *testing.T, db *dynamodb.Client, sk string) string {
	t.Helper()
	out, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(orders), Key: key("fault", sk), ConsistentRead: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	n, ok := out.Item["n"].(*types.AttributeValueMemberN)
	if !ok {
		return ""
	}
	return n.Value
}

func TestRefusedCallHasNoFault(t *testing.T) {
	s := newStack(t, function("f", `[]`))
	var asked atomic.Int32
	s.Inject(func(iam.Call) iam.Fault {
		asked.Add(1)
		return iam.Fault{Error: iam.Throttled}
	})
	if err := bump(t, s.db(t, "f"), "refused", ""); code(err) != "AccessDeniedException" {
		t.Errorf("UpdateItem = %v, want AccessDeniedException", err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the injector was asked %d times, want 0", n)
	}
}

func TestFaultSeesTheCall(t *testing.T) {
	s := newStack(t, function("f", statement(orders, "dynamodb:PutItem")))
	var seen iam.Call
	s.Inject(func(c iam.Call) iam.Fault {
		seen = c
		return iam.Fault{}
	})
	_, err := s.db(t, "f").TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: new(orders), Item: at("fault", "seen")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if seen.Function != "f" || seen.Name != "TransactWriteItems" || !seen.Needs("dynamodb:PutItem") || seen.Needs("dynamodb:GetItem") || len(seen.Body) == 0 {
		t.Errorf("the injector sees %+v, want TransactWriteItems of f with its PutItem and its body", seen)
	}
}

func TestEndpointThatIsDownIsARetriedError(t *testing.T) {
	const nowhere = "http://127.0.0.1:1"
	w, err := iam.New(iam.Config{
		Stage:    stageOf(function("f", statement(orders, "dynamodb:PutItem"))),
		DynamoDB: nowhere, SecretsManager: nowhere,
	})
	if err != nil {
		t.Fatal(err)
	}
	down := serve(t, w)
	_, err = down.db(t, "f").PutItem(t.Context(), &dynamodb.PutItemInput{TableName: new(orders), Item: at("down", "a")})
	failed, ok := errors.AsType[*types.InternalServerError](err)
	if !ok || aws.ToString(failed.Message) == "" {
		t.Errorf("PutItem = %v, want an InternalServerError with a message", err)
	}
	if got := down.Tally("f").Total(); got != 3 {
		t.Errorf("%d calls, want the 3 attempts of the SDK", got)
	}
}
