package backchannel_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/queue"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 250e6, time.UTC)

// bench is a queue of notices with a clock that tests set.
type bench struct {
	*backchannel.Queue
	t   *testing.T
	now time.Time
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: noon}
	db, table := enginetest.DB(t)
	clock := func(context.Context) time.Time { return b.now }
	b.Queue = &backchannel.Queue{
		Kind: backchannel.Notices, DB: db, Table: table(contract.Sessions), Now: clock,
		Trail: &audit.Trail{Table: table(contract.Audit), Now: clock},
	}
	return b
}

func (b *bench) put(client, session string) {
	b.t.Helper()
	put := backchannel.Notices.Put(b.Table, b.now, backchannel.Notice{Client: client, Subject: "usr_ada", Session: session})
	if err := (dynamo.Tx{put}).Run(context.Background(), b.DB); err != nil {
		b.t.Fatal(err)
	}
}

// due returns the sessions of the notices that are due.
func (b *bench) due(most int) []*backchannel.Entry {
	b.t.Helper()
	due, err := b.Due(context.Background(), backchannel.AtMost(most))
	if err != nil {
		b.t.Fatal(err)
	}
	return due
}

func (b *bench) entries() []map[string]types.AttributeValue {
	b.t.Helper()
	out, err := b.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: &b.Trail.Table, ConsistentRead: new(true)})
	if err != nil {
		b.t.Fatal(err)
	}
	return out.Items
}

func TestANoticeIsDueUntilItIsTaken(t *testing.T) {
	b, ctx := open(t), context.Background()
	b.put("app", "s1")
	found := b.due(10)
	if len(found) != 1 {
		t.Fatalf("%d notices are due, want 1", len(found))
	}
	n := found[0]
	if n.Payload != (backchannel.Notice{Client: "app", Subject: "usr_ada", Session: "s1"}) || n.Tries != 0 || !n.Written().Equal(noon) || !n.Due.Equal(noon) {
		t.Errorf("notice = %+v of %v, want what was put at %v", n, n.Written(), noon)
	}
	second := *n
	if err := b.Take(ctx, n, noon.Add(time.Minute)); err != nil || n.Tries != 1 {
		t.Fatalf("Take = %v with %d tries, want nil with 1", err, n.Tries)
	}
	if err := b.Take(ctx, &second, noon.Add(time.Hour)); !errors.Is(err, queue.ErrTaken) {
		t.Errorf("Take of the same again = %v, want ErrTaken", err)
	}
	if err := b.Abandon(ctx, &second, "no"); !errors.Is(err, queue.ErrTaken) || len(b.entries()) != 0 {
		t.Errorf("Abandon of what another run took = %v with %d entries, want ErrTaken with none", err, len(b.entries()))
	}
	if left := b.due(10); len(left) != 0 {
		t.Errorf("%d notices are due after it was taken, want 0", len(left))
	}
	b.now = noon.Add(time.Minute)
	again := b.due(10)
	if len(again) != 1 || again[0].ID != n.ID || again[0].Tries != 1 || !again[0].Due.Equal(n.Due) {
		t.Errorf("a minute later %+v are due, want %+v", again, n)
	}
}

func TestDeliveredIsGone(t *testing.T) {
	b, ctx := open(t), context.Background()
	b.put("app", "s1")
	n := b.due(10)[0]
	for range 2 {
		if err := b.Done(ctx, n); err != nil {
			t.Fatalf("Done = %v, want nil also the second time", err)
		}
	}
	if err := b.Take(ctx, n, noon.Add(time.Hour)); !errors.Is(err, queue.ErrTaken) {
		t.Errorf("Take of a delivered notice = %v, want ErrTaken, and nothing written", err)
	}
	b.now = noon.Add(48 * time.Hour)
	if left := b.due(10); len(left) != 0 {
		t.Errorf("%d notices are left, want 0", len(left))
	}
}

func TestAbandonLeavesAnEntry(t *testing.T) {
	b, ctx := open(t), context.Background()
	b.put("app", "s1")
	n := b.due(10)[0]
	if err := b.Abandon(ctx, n, "the client is gone"); err != nil {
		t.Fatal(err)
	}
	if err := b.Abandon(ctx, n, "the client is gone"); !errors.Is(err, queue.ErrTaken) {
		t.Errorf("a second Abandon = %v, want ErrTaken", err)
	}
	entries := b.entries()
	if len(entries) != 1 || len(b.due(10)) != 0 {
		t.Fatalf("%d entries and %d notices are left, want 1 and 0", len(entries), len(b.due(10)))
	}
	for name, want := range map[string]string{"action": "logout.undelivered", "sub": "usr_ada", "object": "grant#s1", "outcome": "refused"} {
		if got, _ := entries[0][name].(*types.AttributeValueMemberS); got == nil || got.Value != want {
			t.Errorf("%s of the entry = %v, want %s", name, entries[0][name], want)
		}
	}
}

// TestOneClientDoesNotFillTheAnswer: the backlog of a client that is down leaves
// room for all others.
func TestOneClientDoesNotFillTheAnswer(t *testing.T) {
	b := open(t)
	for _, session := range []string{"s1", "s2", "s3", "s4"} {
		b.put("down", session)
		b.now = b.now.Add(time.Second)
	}
	b.put("up", "s5")
	var got []string
	for _, n := range b.due(2) {
		got = append(got, n.Payload.Client+" "+n.Payload.Session)
	}
	want := []string{"down s1", "down s2", "up s5"}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("Due(2) = %q, want %q", got, want)
	}
}

// Due returns an error for a notice that cannot be read, and the other notices.
func TestABrokenNoticeDoesNotStopTheOthers(t *testing.T) {
	b := open(t)
	b.put("app", "s1")
	broken := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "outbox"}, "sk": &types.AttributeValueMemberS{Value: "00"},
		"due": &types.AttributeValueMemberN{Value: "1"},
	}
	if _, err := b.DB.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &b.Table, Item: broken}); err != nil {
		t.Fatal(err)
	}
	due, err := b.Due(context.Background(), nil)
	if err == nil || len(due) != 1 || due[0].Payload.Session != "s1" {
		t.Errorf("Due = %v, %v, want s1 and an error", due, err)
	}
}

// TestNoticesOfEarlierReleasesAreDelivered: the item is as release 0.2 wrote it.
func TestNoticesOfEarlierReleasesAreDelivered(t *testing.T) {
	b := open(t)
	old := dynamo.Item{
		"pk": dynamo.Text("outbox"), "sk": dynamo.Text("01KAPFDM00AAAAAAAAAAAAAAAA"),
		"due": dynamo.Number(noon.UnixMilli()), "tries": dynamo.Number(2),
		"client": dynamo.Text("app"), "sub": dynamo.Text("usr_ada"), "sid": dynamo.Text("s1"),
	}
	if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Table, Item: old}); err != nil {
		t.Fatal(err)
	}
	due := b.due(10)
	if len(due) != 1 {
		t.Fatalf("%d notices are due, want 1", len(due))
	}
	n := due[0]
	want := backchannel.Entry{ID: "01KAPFDM00AAAAAAAAAAAAAAAA", Due: n.Due, Tries: 2, Payload: backchannel.Notice{Client: "app", Subject: "usr_ada", Session: "s1"}}
	if *n != want || !n.Due.Equal(noon) {
		t.Errorf("notice = %+v, want %+v, due at %v", *n, want, noon)
	}
	// A new one has the same attributes, but for the tries.
	if err := b.Done(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	b.put("app", "s1")
	out, err := b.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &b.Table, ConsistentRead: new(true)})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("the table has %v, %v, want one item", out, err)
	}
	delete(old, "tries")
	old["sk"] = out.Items[0]["sk"]
	if !reflect.DeepEqual(dynamo.Item(out.Items[0]), old) {
		t.Errorf("item = %v, want %v", out.Items[0], old)
	}
}
