package recovery_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/queue"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 250e6, time.UTC)

// bench is a queue of requests with a clock that tests set.
type bench struct {
	*recovery.Queue
	t   *testing.T
	now time.Time
}

func open(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: noon}
	db, table := enginetest.DB(t)
	clock := func(context.Context) time.Time { return b.now }
	b.Queue = &recovery.Queue{
		Kind: recovery.Requests, DB: db, Table: table(contract.Sessions), Now: clock,
		Trail: &audit.Trail{Table: table(contract.Audit), Now: clock},
	}
	return b
}

func (b *bench) ask(subject string) {
	b.t.Helper()
	if err := b.Add(context.Background(), recovery.Request{Subject: subject}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) due(want int) []*recovery.Entry {
	b.t.Helper()
	due, err := b.Due(context.Background(), nil)
	if err != nil || len(due) != want {
		b.t.Fatalf("Due = %v, %v, want %d requests", due, err, want)
	}
	return due
}

func (b *bench) items(table string) []map[string]types.AttributeValue {
	b.t.Helper()
	out, err := b.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: new(true)})
	if err != nil {
		b.t.Fatal(err)
	}
	return out.Items
}

func TestARequestIsDueUntilItIsTaken(t *testing.T) {
	b, ctx := open(t), context.Background()
	b.ask("usr_ada")
	b.now = b.now.Add(time.Second)
	b.ask("")
	due := b.due(2)
	ada := due[0]
	if ada.Payload.Subject != "usr_ada" || ada.Tries != 0 || !ada.Written().Equal(noon) || due[1].Payload.Subject != "" {
		t.Errorf("requests = %+v and %+v, want ada's of noon and an empty one", ada, due[1])
	}
	second := *ada
	if err := b.Take(ctx, ada, b.now.Add(time.Minute)); err != nil || ada.Tries != 1 {
		t.Fatalf("Take = %v with %d tries, want nil with 1", err, ada.Tries)
	}
	if err := b.Take(ctx, &second, b.now.Add(time.Hour)); !errors.Is(err, queue.ErrTaken) {
		t.Errorf("Take of the same again = %v, want ErrTaken", err)
	}
	if err := b.Abandon(ctx, &second, "no"); !errors.Is(err, queue.ErrTaken) || len(b.items(b.Trail.Table)) != 0 {
		t.Errorf("Abandon of what another run took = %v with %d entries, want ErrTaken with none", err, len(b.items(b.Trail.Table)))
	}
	for range 2 {
		if err := b.Done(ctx, due[1]); err != nil {
			t.Errorf("Done = %v, want nil also the second time", err)
		}
	}
	b.due(0)
	b.now = b.now.Add(time.Minute)
	b.due(1)
	if err := b.Abandon(ctx, ada, "the mail is refused"); err != nil {
		t.Fatal(err)
	}
	b.due(0)
	entries := b.items(b.Trail.Table)
	if len(entries) != 1 {
		t.Fatalf("%d entries, want 1", len(entries))
	}
	for name, want := range map[string]string{
		"action": "mail.undelivered", "sub": "usr_ada", "object": "user#usr_ada", "outcome": "refused", "actor": "sendmail",
	} {
		if got, _ := entries[0][name].(*types.AttributeValueMemberS); got == nil || got.Value != want {
			t.Errorf("%s of the entry = %v, want %s", name, entries[0][name], want)
		}
	}
}

// A request holds only its subject, and has a TTL in case that no task runs.
func TestARequestHoldsOnlyItsSubject(t *testing.T) {
	b := open(t)
	b.ask("usr_ada")
	items := b.items(b.Table)
	if len(items) != 1 {
		t.Fatalf("%d items, want 1", len(items))
	}
	ttl, _ := items[0][contract.TTL].(*types.AttributeValueMemberN)
	seconds, err := strconv.ParseInt(ttl.Value, 10, 64)
	if err != nil || time.Unix(seconds, 0).Before(noon.Add(recovery.Life)) {
		t.Errorf("ttl = %v, want one after the life of a request", ttl)
	}
	delete(items[0], contract.TTL)
	for _, name := range []string{contract.PK, contract.SK, "due", "sub"} {
		delete(items[0], name)
	}
	if len(items[0]) != 0 {
		t.Errorf("the item has %v besides", items[0])
	}
}

// A request that cannot be read is an error, and never one without a user.
func TestABrokenRequestIsAnError(t *testing.T) {
	b := open(t)
	b.ask("usr_ada")
	it := b.items(b.Table)[0]
	it["sub"] = &types.AttributeValueMemberN{Value: "1"}
	if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Table, Item: it}); err != nil {
		t.Fatal(err)
	}
	if due, err := b.Due(t.Context(), nil); err == nil || len(due) != 0 {
		t.Errorf("Due = %v, %v, want an error and nothing", due, err)
	}
}

// Requests of release 0.2 are read, those for a user name that does not exist as well.
func TestRequestsOfEarlierReleasesAreDue(t *testing.T) {
	b := open(t)
	for i, subject := range []string{"usr_ada", ""} {
		it := dynamo.Item{
			"pk": dynamo.Text("mail"), "sk": dynamo.Text("01KAPFDM00AAAAAAAAAAAAAAA" + strconv.Itoa(i)), "due": dynamo.Number(noon.UnixMilli()),
			"ttl": dynamo.Number(noon.Add(time.Hour).Unix()),
		}
		it.PutText("sub", subject)
		if _, err := b.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.Table, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	due := b.due(2)
	if due[0].Payload.Subject != "usr_ada" || due[1].Payload.Subject != "" || due[0].Tries != 0 || !due[0].Due.Equal(noon) {
		t.Errorf("requests = %+v and %+v, want ada's and an empty one of noon", due[0], due[1])
	}
}
