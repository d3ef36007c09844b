package audit_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

var noon = time.Date(2026, 11, 22, 13, 4, 5, 678e6, time.UTC)

func trail(table string, days int) *audit.Trail {
	return &audit.Trail{Table: table, Days: days, Now: func(context.Context) time.Time { return noon }}
}

func get(t *testing.T, db *dynamodb.Client, table string, key map[string]types.AttributeValue) map[string]types.AttributeValue {
	t.Helper()
	out, err := db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// stored puts an entry and returns its item.
func stored(t *testing.T, db *dynamodb.Client, tr *audit.Trail, e audit.Entry) map[string]types.AttributeValue {
	t.Helper()
	if err := (dynamo.Tx{tr.Put(t.Context(), e)}).Run(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	return get(t, db, tr.Table, audit.Key(e.ID))
}

func str(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

func TestPutStoresEveryField(t *testing.T) {
	db, name := enginetest.DB(t)
	tr := trail(name(contract.Audit), 30)
	id := audit.NewID(noon)
	item := stored(t, db, tr, audit.Entry{
		ID: id, Actor: "operator", Action: audit.ClientCreate, Subject: "worker", Object: "client#worker",
		Outcome: audit.Success, Detail: map[string]string{"name": "Worker"}, RequestID: "r-1",
	})
	want := map[string]string{
		contract.SK: id.String(), contract.AuditSub: "worker", "time": "2026-11-22T13:04:05.678Z", "actor": "operator",
		"action": "client.create", "object": "client#worker", "outcome": "success", "request": "r-1",
		contract.TTL: strconv.FormatInt(noon.AddDate(0, 0, 30).Unix(), 10),
	}
	for attribute, value := range want {
		if got := str(item[attribute]); got != value {
			t.Errorf("attribute %s = %q, want %q", attribute, got, value)
		}
	}
	if pk := str(item[contract.PK]); !strings.HasPrefix(pk, "2026-11-22T13#") {
		t.Errorf("pk = %q, want the hour 2026-11-22T13 and a shard", pk)
	}
	detail, ok := item["detail"].(*types.AttributeValueMemberM)
	if !ok || str(detail.Value["name"]) != "Worker" {
		t.Errorf("detail = %v, want the name", item["detail"])
	}

	found, err := db.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &tr.Table, IndexName: new(contract.AuditBySub),
		KeyConditionExpression:    new("#s = :s"),
		ExpressionAttributeNames:  map[string]string{"#s": contract.AuditSub},
		ExpressionAttributeValues: map[string]types.AttributeValue{":s": &types.AttributeValueMemberS{Value: "worker"}},
	})
	if err != nil || len(found.Items) != 1 {
		t.Errorf("query by subject = %v, %v, want one entry", found, err)
	}
	if written, err := tr.Written(t.Context(), db, id); err != nil || !written {
		t.Errorf("Written(%s) = %v, %v, want true", id, written, err)
	}
	if written, err := tr.Written(t.Context(), db, audit.NewID(noon)); err != nil || written {
		t.Errorf("Written(a new id) = %v, %v, want false", written, err)
	}
}

func TestPutLeavesOutWhatIsEmpty(t *testing.T) {
	db, name := enginetest.DB(t)
	item := stored(t, db, trail(name(contract.Audit), 0), audit.Entry{ID: audit.NewID(noon), Action: audit.KeyRotate, Outcome: audit.Success})
	for _, attribute := range []string{contract.AuditSub, contract.TTL, "actor", "object", "detail", "request"} {
		if v, ok := item[attribute]; ok {
			t.Errorf("attribute %s = %v, want none: an index key must not be empty, and no days mean for ever", attribute, v)
		}
	}
	if got := str(item["time"]); got != "2026-11-22T13:04:05.678Z" {
		t.Errorf("time = %q, want that of the id", got)
	}
}

// An entry without an id gets one with the time of the trail.
func TestPutMakesAnID(t *testing.T) {
	db, name := enginetest.DB(t)
	tr := trail(name(contract.Audit), 0)
	if err := (dynamo.Tx{tr.Put(t.Context(), audit.Entry{Action: audit.KeyRotate, Outcome: audit.Success})}).Run(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	all, err := tr.List(t.Context(), db, audit.Query{Since: noon.Add(-time.Minute), Limit: 10})
	if err != nil || len(all) != 1 || !all[0].Time().Equal(noon) {
		t.Errorf("List = %v, %v, want one entry of %v", all, err, noon)
	}
}

func TestPutCutsDetail(t *testing.T) {
	db, name := enginetest.DB(t)
	item := stored(t, db, trail(name(contract.Audit), 0), audit.Entry{
		ID: audit.NewID(noon), Detail: map[string]string{"long": "a" + strings.Repeat("é", 200)},
	})
	got := str(item["detail"].(*types.AttributeValueMemberM).Value["long"])
	if want := "a" + strings.Repeat("é", 127) + "…"; got != want {
		t.Errorf("detail = %q (%d bytes), want it cut between two letters: %q", got, len(got), want)
	}
}

// The entries of one hour spread over all shards, and the id determines the shard.
func TestAnHourSpreadsOverAllShards(t *testing.T) {
	count := map[string]int{}
	for range 1000 {
		id := audit.NewID(noon)
		pk := str(audit.Key(id)[contract.PK])
		if again := str(audit.Key(id)[contract.PK]); again != pk {
			t.Fatalf("Key(%s) = %q and %q", id, pk, again)
		}
		count[pk]++
	}
	if len(count) != 8 {
		t.Errorf("1000 entries lie in %v, want 8 partitions", count)
	}
	for pk, n := range count {
		if n < 60 {
			t.Errorf("partition %s has %d of 1000 entries, want about 125", pk, n)
		}
	}
}

// A change with an entry that exists is refused as a whole, so a repeated change with a
// fixed id leaves one entry.
func TestAFixedIDLeavesOneEntry(t *testing.T) {
	db, name := enginetest.DB(t)
	tr := trail(name(contract.Audit), 30)
	entry := audit.Entry{ID: audit.NewID(noon), Action: audit.KeyRotate, Outcome: audit.Success}
	change := func(pk string) error {
		return dynamo.Tx{dynamo.Put(name(contract.Registry), dynamo.Key(pk, "x")), tr.Put(t.Context(), entry)}.Run(t.Context(), db)
	}
	if err := change("first"); err != nil {
		t.Fatal(err)
	}
	if err := change("second"); !errors.Is(err, audit.ErrRecorded) {
		t.Errorf("second change with the same entry = %v, want ErrRecorded", err)
	}
	if item := get(t, db, name(contract.Registry), dynamo.Key("second", "x")); item != nil {
		t.Errorf("the second change was applied without an entry: %v", item)
	}
}
