package backchannel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 250e6, time.UTC)

// bench is an outbox with a clock that tests set.
type bench struct {
	*backchannel.Store
	t   *testing.T
	now time.Time
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: noon}
	db, table := enginetest.DB(t)
	clock := func(context.Context) time.Time { return b.now }
	b.Store = &backchannel.Store{
		DB: db, Sessions: table(contract.Sessions), Now: clock,
		Trail: &audit.Trail{Table: table(contract.Audit), Now: clock},
	}
	return b
}

func (b *bench) put(client, session string) {
	b.t.Helper()
	if err := audit.Write(context.Background(), b.DB, backchannel.Put(b.Sessions, b.now, client, "usr_ada", session)); err != nil {
		b.t.Fatal(err)
	}
}

// due returns the sessions of the notices that are due.
func (b *bench) due(most int) []*backchannel.Notice {
	b.t.Helper()
	due, err := b.Due(context.Background(), most)
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
	if n.Client != "app" || n.Subject != "usr_ada" || n.Session != "s1" || n.Tries != 0 || !n.Written().Equal(noon) || !n.Due.Equal(noon) {
		t.Errorf("notice = %+v of %v, want what was put at %v", n, n.Written(), noon)
	}
	second := *n
	if err := b.Take(ctx, n, noon.Add(time.Minute)); err != nil || n.Tries != 1 {
		t.Fatalf("Take = %v with %d tries, want nil with 1", err, n.Tries)
	}
	if err := b.Take(ctx, &second, noon.Add(time.Hour)); !errors.Is(err, backchannel.ErrTaken) {
		t.Errorf("Take of the same again = %v, want ErrTaken", err)
	}
	if err := b.Abandon(ctx, &second, "no"); !errors.Is(err, backchannel.ErrTaken) || len(b.entries()) != 0 {
		t.Errorf("Abandon of what somebody else took = %v with %d entries, want ErrTaken with none", err, len(b.entries()))
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
		if err := b.Delivered(ctx, n); err != nil {
			t.Fatalf("Delivered = %v, want nil also the second time", err)
		}
	}
	if err := b.Take(ctx, n, noon.Add(time.Hour)); !errors.Is(err, backchannel.ErrTaken) {
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
	if err := b.Abandon(ctx, n, "the client is gone"); !errors.Is(err, backchannel.ErrTaken) {
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
		got = append(got, n.Client+" "+n.Session)
	}
	want := []string{"down s1", "down s2", "up s5"}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("Due(2) = %q, want %q", got, want)
	}
}

// TestABrokenNoticeStopsNobody: it is told, and the others are found.
func TestABrokenNoticeStopsNobody(t *testing.T) {
	b := open(t)
	b.put("app", "s1")
	broken := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "outbox"}, "sk": &types.AttributeValueMemberS{Value: "00"},
		"due": &types.AttributeValueMemberN{Value: "1"},
	}
	if _, err := b.DB.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &b.Sessions, Item: broken}); err != nil {
		t.Fatal(err)
	}
	due, err := b.Due(context.Background(), 10)
	if err == nil || len(due) != 1 || due[0].Session != "s1" {
		t.Errorf("Due = %v, %v, want s1 and an error", due, err)
	}
}
