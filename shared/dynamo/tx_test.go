package dynamo_test

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

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

// faults answers the first calls with its texts, and passes the others on. The engine
// never fails for these reasons.
type faults struct {
	aws.HTTPClient
	answers []string
	calls   int
}

func (f *faults) Do(r *http.Request) (*http.Response, error) {
	f.calls++
	if f.calls > len(f.answers) {
		return f.HTTPClient.Do(r)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest,
		Header:     http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:       io.NopCloser(strings.NewReader(f.answers[f.calls-1])),
		Request:    r,
	}, nil
}

// cancelled is the answer to a transaction that is cancelled for these reasons.
func cancelled(reasons ...string) string {
	var list []string
	for _, code := range reasons {
		list = append(list, fmt.Sprintf(`{"Code":%q,"Message":"injected"}`, code))
	}
	return fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
		`"Message":"Transaction cancelled","CancellationReasons":[%s]}`, strings.Join(list, ","))
}

// exception is the answer that is the exception of that name.
func exception(name string) string {
	return fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"injected"}`, name)
}

func repeat(n int, answer string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = answer
	}
	return all
}

// faulty is a client with first calls that fail.
func faulty(db *dynamodb.Client, f *faults) *dynamodb.Client {
	return dynamodb.New(db.Options(), func(o *dynamodb.Options) {
		f.HTTPClient = o.HTTPClient
		o.HTTPClient = f
	})
}

// alone is a client of which every call fails, and no database is needed.
func alone(do func(*http.Request) (*http.Response, error)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "eu-west-1", HTTPClient: doer(do), Credentials: aws.AnonymousCredentials{}})
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// registry returns a database and its table of the registry.
func registry(t *testing.T) (*dynamodb.Client, string) {
	t.Helper()
	db, name := enginetest.DB(t)
	return db, name(contract.Registry)
}

// stored returns an item of a table, empty when there is none.
func stored(t *testing.T, db *dynamodb.Client, table string, key dynamo.Item) dynamo.Item {
	t.Helper()
	out, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// run runs a transaction that must succeed.
func run(t *testing.T, db *dynamodb.Client, writes ...dynamo.Write) {
	t.Helper()
	if err := dynamo.Tx(writes).Run(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

var (
	errFirst  = errors.New("the first")
	errSecond = errors.New("the second")
)

func TestConflictsAreRepeated(t *testing.T) {
	db, table := registry(t)
	tests := []struct {
		name    string
		answers []string
		calls   int
		want    error
		written bool
	}{
		{name: "none", calls: 1, written: true},
		{name: "conflict", answers: repeat(2, cancelled("TransactionConflict", "None")), calls: 3, written: true},
		{name: "throttled", answers: repeat(1, cancelled("None", "ThrottlingError")), calls: 2, written: true},
		{name: "provisioned throughput", answers: repeat(1, cancelled("None", "ProvisionedThroughputExceeded")), calls: 2, written: true},
		{name: "always", answers: repeat(20, cancelled("TransactionConflict", "None")), calls: 6, want: dynamo.ErrBusy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &faults{answers: tt.answers}
			key := dynamo.Key(tt.name, "x")
			start := time.Now()
			err := dynamo.Tx{dynamo.Put(table, key), dynamo.Put(table, dynamo.Key(tt.name, "y"))}.Run(t.Context(), faulty(db, f))
			if !errors.Is(err, tt.want) || dynamo.Failed(err) {
				t.Errorf("Run = %v, want %v", err, tt.want)
			}
			if f.calls != tt.calls {
				t.Errorf("Run made %d calls, want %d", f.calls, tt.calls)
			}
			if took := time.Since(start); took > 1500*time.Millisecond {
				t.Errorf("Run took %v, want at most 1.5 s", took)
			}
			if written := len(stored(t, db, table, key)) > 0; written != tt.written {
				t.Errorf("written = %v, want %v", written, tt.written)
			}
		})
	}
}

// The first condition in order that does not hold names the failure, and takes
// precedence over a conflict. A failure that a repetition cannot help is not repeated.
func TestTheFirstFailureWins(t *testing.T) {
	errOther := errors.New("no condition")
	tests := []struct {
		name    string
		reasons []string
		want    error
	}{
		{"the second condition", []string{"None", "ConditionalCheckFailed"}, errSecond},
		{"both conditions", []string{"ConditionalCheckFailed", "ConditionalCheckFailed"}, errFirst},
		{"a condition after a conflict", []string{"TransactionConflict", "ConditionalCheckFailed"}, errSecond},
		{"a condition before a conflict", []string{"ConditionalCheckFailed", "TransactionConflict"}, errFirst},
		{"a condition without a name", []string{"None", "None", "ConditionalCheckFailed"}, dynamo.ErrCondition},
		{"too large", []string{"ItemCollectionSizeLimitExceeded"}, errOther},
		{"invalid", []string{"ValidationError"}, errOther},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &faults{answers: repeat(20, cancelled(tt.reasons...))}
			err := dynamo.Tx{
				dynamo.Create("t", dynamo.Key("a", "x")).Else(errFirst),
				dynamo.Create("t", dynamo.Key("b", "x")).Else(errSecond),
				dynamo.Create("t", dynamo.Key("c", "x")),
			}.Run(t.Context(), alone(f.Do))
			if errors.Is(tt.want, errOther) {
				if err == nil || dynamo.Failed(err) || errors.Is(err, dynamo.ErrBusy) {
					t.Errorf("Run = %v, want an error that is neither a failure nor ErrBusy", err)
				}
			} else if !errors.Is(err, tt.want) || !dynamo.Failed(err) {
				t.Errorf("Run = %v, want the failure %v", err, tt.want)
			}
			if f.calls != 1 {
				t.Errorf("Run made %d calls, want 1", f.calls)
			}
		})
	}
}

// A zero write is skipped, and the failures of the writes after it keep their names.
func TestZeroWritesAreLeftOut(t *testing.T) {
	db, table := registry(t)
	taken := dynamo.Key("taken", "x")
	run(t, db, dynamo.Put(table, taken))
	var none dynamo.Write
	tx := dynamo.Tx{
		none, dynamo.Create(table, dynamo.Key("a", "x")).Else(errFirst),
		none.Else(errFirst), none.ElseBy(func(dynamo.Item) error { return errFirst }),
		dynamo.Create(table, taken).Else(errSecond), none,
	}
	if err := tx.Run(t.Context(), db); !errors.Is(err, errSecond) || errors.Is(err, errFirst) {
		t.Errorf("Run = %v, want the failure of the second write", err)
	}
	run(t, db, append(tx[:4:4], none)...)
	if len(stored(t, db, table, dynamo.Key("a", "x"))) == 0 {
		t.Error("the write beside those that are none was not written")
	}
}

// A transaction of more than 100 writes, the limit of DynamoDB, is refused without a
// call. Zero writes do not count.
func TestTooManyWritesAreRefused(t *testing.T) {
	db, table := registry(t)
	var tx dynamo.Tx
	for i := range dynamo.MaxWrites {
		tx = append(tx, dynamo.Put(table, dynamo.Key("many", fmt.Sprint(i))), dynamo.Write{})
	}
	run(t, db, tx...)
	silent := alone(func(*http.Request) (*http.Response, error) {
		t.Error("DynamoDB was called")
		return nil, io.ErrUnexpectedEOF
	})
	if err := append(tx, dynamo.Put(table, dynamo.Key("many", "one more"))).Run(t.Context(), silent); err == nil {
		t.Errorf("Run with %d writes = nil, want an error", dynamo.MaxWrites+1)
	}
}

// The failure of a write may depend on what is stored, for each kind of write.
func TestElseBySeesTheStoredItem(t *testing.T) {
	db, table := registry(t)
	item := func(pk string) dynamo.Item {
		it := dynamo.Key(pk, "x")
		it["rev"] = dynamo.Number(7)
		return it
	}
	run(t, db, dynamo.Put(table, item("there")))
	change, eight := dynamo.Changes{Raise: []string{"rev"}}, dynamo.Equal("rev", dynamo.Number(8))
	for pk, rev := range map[string]int64{"there": 7, "nothing": 0} {
		key := dynamo.Key(pk, "x")
		for name, w := range map[string]dynamo.Write{
			"Put":    dynamo.Put(table, item(pk), eight),
			"Update": dynamo.Update(table, key, change, eight),
			"Delete": dynamo.Delete(table, key, eight),
			"Check":  dynamo.Check(table, key, eight),
		} {
			t.Run(name+" "+pk, func(t *testing.T) {
				seen := int64(-1)
				err := dynamo.Tx{w.ElseBy(func(stored dynamo.Item) error {
					seen = stored.Number("rev")
					return errFirst
				})}.Run(t.Context(), db)
				failed, ok := errors.AsType[*dynamo.FailedError](err)
				if !ok || !errors.Is(err, errFirst) || seen != rev || failed.Stored.Number("rev") != rev {
					t.Errorf("Run = %v after it saw revision %d, want the failure and %d", err, seen, rev)
				}
				// Without ElseBy the stored item is not requested.
				err = dynamo.Tx{w.Else(errFirst)}.Run(t.Context(), db)
				if failed, ok := errors.AsType[*dynamo.FailedError](err); name != "Put" && pk == "there" && (!ok || !errors.Is(err, errFirst)) {
					t.Errorf("Run with Else = %v, %v, want the failure", failed, err)
				}
			})
		}
	}
	if rev := stored(t, db, table, dynamo.Key("there", "x")).Number("rev"); rev != 7 {
		t.Errorf("the revision is %d, want 7: a failed transaction writes nothing", rev)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	f := &faults{answers: repeat(20, cancelled("TransactionConflict"))}
	ctx, cancel := context.WithCancel(t.Context())
	db := alone(func(r *http.Request) (*http.Response, error) {
		defer cancel()
		return f.Do(r)
	})
	err := dynamo.Tx{dynamo.Put("t", dynamo.Key("a", "x"))}.Run(ctx, db)
	if err == nil || f.calls != 1 {
		t.Errorf("Run = %v after %d calls, want an error after 1: its context was cancelled", err, f.calls)
	}
}

// A single update waits for transactions as well, and returns everything else at
// once.
func TestUpdateItemRepeatsConflicts(t *testing.T) {
	db, table := registry(t)
	for _, tt := range []struct {
		name    string
		answers []string
		calls   int
		want    error
	}{
		{name: "none", calls: 1},
		{name: "conflict", answers: repeat(3, exception("TransactionConflictException")), calls: 4},
		{name: "always", answers: repeat(20, exception("TransactionConflictException")), calls: 6, want: dynamo.ErrBusy},
		{name: "invalid", answers: repeat(20, exception("ValidationException")), calls: 1, want: errFirst},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &faults{answers: tt.answers}
			key := dynamo.Key(tt.name, "x")
			_, err := dynamo.UpdateItem(t.Context(), faulty(db, f), dynamo.UpdateInput(table, key, dynamo.Changes{Raise: []string{"rev"}}))
			if f.calls != tt.calls || (err == nil) != (tt.want == nil) || errors.Is(err, dynamo.ErrBusy) != errors.Is(tt.want, dynamo.ErrBusy) {
				t.Errorf("UpdateItem = %v after %d calls, want %v after %d", err, f.calls, tt.want, tt.calls)
			}
			if rev := stored(t, db, table, key).Number("rev"); (rev == 1) != (err == nil) {
				t.Errorf("revision = %d after %v, want it raised once if there is no error", rev, err)
			}
		})
	}
}
