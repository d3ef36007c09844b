package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

// faults answers the first calls itself, with cancelled transactions, and
// passes the others on. The engine never cancels for these reasons.
type faults struct {
	aws.HTTPClient
	reasons [][]string
	calls   int
}

func (f *faults) Do(r *http.Request) (*http.Response, error) {
	f.calls++
	if f.calls > len(f.reasons) {
		return f.HTTPClient.Do(r)
	}
	var list []string
	for _, code := range f.reasons[f.calls-1] {
		list = append(list, fmt.Sprintf(`{"Code":%q,"Message":"injected"}`, code))
	}
	body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
		`"Message":"Transaction cancelled","CancellationReasons":[%s]}`, strings.Join(list, ","))
	return &http.Response{
		StatusCode: http.StatusBadRequest,
		Header:     http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:       io.NopCloser(strings.NewReader(body)),
		Request:    r,
	}, nil
}

func repeat(n int, reasons ...string) [][]string {
	var all [][]string
	for range n {
		all = append(all, reasons)
	}
	return all
}

func TestWriteRepeatsConflicts(t *testing.T) {
	db, name := enginetest.DB(t)
	tests := []struct {
		name    string
		reasons [][]string
		calls   int
		want    error
		written bool
	}{
		{name: "none", calls: 1, written: true},
		{name: "conflict", reasons: repeat(2, "TransactionConflict", "None"), calls: 3, written: true},
		{name: "throttled", reasons: repeat(1, "None", "ThrottlingError"), calls: 2, written: true},
		{name: "provisioned throughput", reasons: repeat(1, "None", "ProvisionedThroughputExceeded"), calls: 2, written: true},
		{name: "always", reasons: repeat(20, "TransactionConflict", "None"), calls: 6, want: audit.ErrBusy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &faults{reasons: tt.reasons}
			faulty := dynamodb.New(db.Options(), func(o *dynamodb.Options) {
				f.HTTPClient = o.HTTPClient
				o.HTTPClient = f
			})
			tr := trail(name(contract.Audit), 30)
			id := audit.NewID(noon)
			start := time.Now()
			err := audit.Write(t.Context(), faulty, tr.Put(t.Context(), audit.Entry{ID: id, Action: audit.KeyRotate, Outcome: audit.Success}))
			if !errors.Is(err, tt.want) {
				t.Errorf("Write = %v, want %v", err, tt.want)
			}
			if f.calls != tt.calls {
				t.Errorf("Write made %d calls, want %d", f.calls, tt.calls)
			}
			if took := time.Since(start); took > 1500*time.Millisecond {
				t.Errorf("Write took %v, want at most 1.5 s", took)
			}
			if written, err := tr.Written(t.Context(), db, id); err != nil || written != tt.written {
				t.Errorf("Written = %v, %v, want %v", written, err, tt.written)
			}
		})
	}
}

// Reasons that no repetition helps are not repeated.
func TestWriteDoesNotRepeat(t *testing.T) {
	tests := []struct {
		name      string
		reasons   []string
		condition int // index, -1 for another error
	}{
		{"condition", []string{"None", "ConditionalCheckFailed"}, 1},
		{"condition beside a conflict", []string{"TransactionConflict", "ConditionalCheckFailed"}, 1},
		{"too large", []string{"ItemCollectionSizeLimitExceeded"}, -1},
		{"invalid", []string{"ValidationError"}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &faults{reasons: repeat(20, tt.reasons...)}
			db := dynamodb.New(dynamodb.Options{
				Region: "eu-west-1", HTTPClient: f,
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
				}),
			})
			err := audit.Write(t.Context(), db, trail("audit", 1).Put(t.Context(), audit.Entry{}))
			condition, ok := errors.AsType[*audit.ConditionError](err)
			if ok != (tt.condition >= 0) || ok && condition.Index != tt.condition {
				t.Errorf("Write = %v, want a condition error of item %d", err, tt.condition)
			}
			if err == nil || errors.Is(err, audit.ErrBusy) || f.calls != 1 {
				t.Errorf("Write = %v after %d calls, want an error other than ErrBusy after 1", err, f.calls)
			}
		})
	}
}

func TestWriteStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &faults{reasons: repeat(20, "TransactionConflict")}
	db := dynamodb.New(dynamodb.Options{
		Region: "eu-west-1",
		HTTPClient: doer(func(r *http.Request) (*http.Response, error) {
			defer cancel()
			return f.Do(r)
		}),
		Credentials: aws.AnonymousCredentials{},
	})
	err := audit.Write(ctx, db, trail("audit", 1).Put(t.Context(), audit.Entry{}))
	if err == nil || f.calls != 1 {
		t.Errorf("Write = %v after %d calls, want an error after 1: its context was cancelled", err, f.calls)
	}
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// The stored item comes with the failed condition when the write asks for it.
func TestConditionErrorItem(t *testing.T) {
	db, name := enginetest.DB(t)
	table := name(contract.Registry)
	item := map[string]types.AttributeValue{
		contract.PK: &types.AttributeValueMemberS{Value: "a"},
		contract.SK: &types.AttributeValueMemberS{Value: "b"},
		"rev":       &types.AttributeValueMemberN{Value: "7"},
	}
	put := types.TransactWriteItem{Put: &types.Put{
		TableName: &table, Item: item,
		ConditionExpression:                 new("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
	if err := audit.Write(t.Context(), db, put); err != nil {
		t.Fatal(err)
	}
	err := audit.Write(t.Context(), db, put)
	condition, ok := errors.AsType[*audit.ConditionError](err)
	if !ok || condition.Index != 0 || str(condition.Item["rev"]) != "7" {
		t.Errorf("second Write = %v, want a ConditionError of item 0 with revision 7", err)
	}
}
