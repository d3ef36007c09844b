package queue_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/queue"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// chore is a payload.
type chore struct{ Text string }

// kind is the kind of chores in a partition. One without a text cannot be read.
func kind(partition string) *queue.Kind[chore] {
	return &queue.Kind[chore]{
		Partition: partition,
		Encode:    func(c chore) dynamo.Item { return dynamo.Item{"text": dynamo.Text(c.Text)} },
		Decode: func(r *dynamo.Reader) chore {
			c := chore{Text: r.Text("text")}
			if c.Text == "" {
				r.Fail("text")
			}
			return c
		},
		Abandoned: func(c chore) audit.Entry {
			return audit.Entry{Actor: "tester", Action: "chore.abandon", Object: "chore#1", Detail: map[string]string{"text": c.Text}}
		},
	}
}

func open(t *testing.T) *queue.Queue[chore] {
	t.Helper()
	db, table := enginetest.DB(t)
	now := func(context.Context) time.Time { return noon }
	return &queue.Queue[chore]{
		Kind: kind("one"), DB: db, Table: table(contract.Sessions), Now: now,
		Trail: &audit.Trail{Table: table(contract.Audit), Now: now},
	}
}

// put puts a chore into a queue at some time.
func put(t *testing.T, q *queue.Queue[chore], at time.Time, text string) {
	t.Helper()
	if err := (dynamo.Tx{q.Kind.Put(q.Table, at, chore{text})}).Run(t.Context(), q.DB); err != nil {
		t.Fatal(err)
	}
}

// store stores an item as it is.
func store(t *testing.T, q *queue.Queue[chore], it dynamo.Item) {
	t.Helper()
	if _, err := q.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &q.Table, Item: it}); err != nil {
		t.Fatal(err)
	}
}

// texts returns the texts of the due entries, in order.
func texts(t *testing.T, q *queue.Queue[chore], keep func(*queue.Entry[chore]) bool) (string, error) {
	t.Helper()
	due, err := q.Due(t.Context(), keep)
	var all []string
	for _, e := range due {
		all = append(all, e.Payload.Text)
	}
	return strings.Join(all, " "), err
}

// A queue returns only its due entries. An entry that cannot be read, by the queue or by
// its kind, does not stop the others.
func TestDueReturnsWhatIsDue(t *testing.T) {
	one := open(t)
	other := *one
	other.Kind = kind("other")
	put(t, one, noon.Add(-time.Second), "second")
	put(t, one, noon.Add(-time.Minute), "first")
	put(t, one, noon.Add(time.Millisecond), "later")
	put(t, &other, noon, "another")
	if got, err := texts(t, one, nil); err != nil || got != "first second" {
		t.Errorf("Due = %q, %v, want the first and the second", got, err)
	}
	if got, err := texts(t, one, func(e *queue.Entry[chore]) bool { return e.Payload.Text == "second" }); err != nil || got != "second" {
		t.Errorf("Due = %q, %v, want the one that the filter keeps", got, err)
	}
	put(t, one, noon.Add(-time.Hour), "")
	if got, err := texts(t, one, nil); err == nil || got != "first second" {
		t.Errorf("Due beside a payload that cannot be read = %q, %v, want an error and the rest", got, err)
	}
	for name, change := range map[string]func(dynamo.Item){
		"tries is a text": func(it dynamo.Item) { it["tries"] = dynamo.Text("many") },
		"no due":          func(it dynamo.Item) { delete(it, "due") },
		"the id is none":  func(it dynamo.Item) { it[contract.SK] = dynamo.Text("00") },
	} {
		t.Run(name, func(t *testing.T) {
			broken := other
			broken.Kind = kind(name)
			put(t, &broken, noon, "good")
			it := old(name, "01KAPFDM00AAAAAAAAAAAAAAAA")
			change(it)
			store(t, &broken, it)
			// An item without the attribute due is not found at all.
			if got, err := texts(t, &broken, nil); (err == nil) != (it["due"] == nil) || got != "good" {
				t.Errorf("Due = %q, %v, want an error and the rest", got, err)
			}
		})
	}
}

// old is an item as release 0.2 stored it.
func old(partition, id string) dynamo.Item {
	it := dynamo.Key(partition, id)
	it["due"] = dynamo.Millis(noon)
	it["text"] = dynamo.Text("old")
	return it
}

// The layout of an entry is that of release 0.2, in both directions.
func TestLayoutIsThatOfEarlierReleases(t *testing.T) {
	q := open(t)
	it := old("one", "01KAPFDM00AAAAAAAAAAAAAAAA")
	it["tries"] = dynamo.Number(3)
	store(t, q, it)
	due, err := q.Due(t.Context(), nil)
	if err != nil || len(due) != 1 {
		t.Fatalf("Due = %v, %v, want the entry", due, err)
	}
	e := due[0]
	if e.ID != "01KAPFDM00AAAAAAAAAAAAAAAA" || !e.Due.Equal(noon) || e.Tries != 3 || e.Payload.Text != "old" || e.Written().IsZero() {
		t.Errorf("entry = %+v of %v, want what was stored", e, e.Written())
	}
	if err := q.Done(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := q.Add(t.Context(), chore{"new"}); err != nil {
		t.Fatal(err)
	}
	out, err := q.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &q.Table, ConsistentRead: new(true)})
	if err != nil || len(out.Items) != 1 {
		t.Fatalf("Scan = %v, %v, want one item", out, err)
	}
	got := dynamo.Item(out.Items[0])
	if got.Text("pk") != "one" || len(got.Text("sk")) != 26 || got.Number("due") != noon.UnixMilli() || got.Text("text") != "new" || len(got) != 4 {
		t.Errorf("item = %v, want pk, sk, due and text", got)
	}
}

// An entry of a kind with a life has a TTL.
func TestLifeIsTheTTL(t *testing.T) {
	q := open(t)
	q.Kind.Life = time.Hour
	put(t, q, noon, "short")
	out, err := q.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &q.Table, ConsistentRead: new(true)})
	if err != nil || len(out.Items) != 1 || dynamo.Item(out.Items[0]).Number(contract.TTL) != noon.Add(time.Hour).Unix() {
		t.Errorf("items = %v, %v, want one with a TTL in an hour", out, err)
	}
}

// Due follows all pages of the result.
func TestDueReadsAllPages(t *testing.T) {
	q := open(t)
	long := strings.Repeat("x", 300<<10)
	for range 5 { // an answer has a megabyte at most
		put(t, q, noon, long)
	}
	if got, err := texts(t, q, nil); err != nil || len(got) != 5*len(long)+4 {
		t.Errorf("Due found %d bytes, %v, want those of five entries", len(got), err)
	}
}

// One of two runs that have read the same entry takes it. The other can neither take it
// nor give it up.
func TestOneRunTakesAnEntry(t *testing.T) {
	q := open(t)
	put(t, q, noon, "a")
	due, err := q.Due(t.Context(), nil)
	if err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	first, second := *due[0], *due[0]
	if err := q.Take(t.Context(), &first, noon.Add(time.Minute)); err != nil || first.Tries != 1 || !first.Due.Equal(noon.Add(time.Minute)) {
		t.Fatalf("Take = %v, %+v, want one try that is due in a minute", err, first)
	}
	if err := q.Take(t.Context(), &second, noon.Add(time.Hour)); !errors.Is(err, queue.ErrTaken) {
		t.Errorf("a second Take = %v, want ErrTaken", err)
	}
	if err := q.Abandon(t.Context(), &second, "late"); !errors.Is(err, queue.ErrTaken) {
		t.Errorf("Abandon of what another run took = %v, want ErrTaken", err)
	}
	if err := q.Abandon(t.Context(), &first, "tired"); err != nil {
		t.Errorf("Abandon by the run that took it = %v", err)
	}
	entries, err := q.Trail.List(t.Context(), q.DB, audit.Query{Since: noon.Add(-time.Minute), Limit: 10})
	if err != nil || len(entries) != 1 {
		t.Fatalf("the trail has %v, %v, want one entry", entries, err)
	}
	entry := entries[0]
	want := map[string]string{"text": "a", "why": "tired", "tries": "1"}
	if entry.Outcome != audit.Refused || entry.Actor != "tester" || len(entry.Detail) != 3 {
		t.Errorf("entry = %+v, want %v", entry, want)
	}
	for name, text := range want {
		if entry.Detail[name] != text {
			t.Errorf("detail %s = %q, want %q", name, entry.Detail[name], text)
		}
	}
}

// Each starts all items in order, never more than the limit concurrently, and a failure
// does not stop the others.
func TestEachIsBounded(t *testing.T) {
	for _, n := range []int{0, 1, 3, 20} {
		synctest.Test(t, func(t *testing.T) {
			items := make([]int, n)
			for i := range items {
				items[i] = i
			}
			var running, most atomic.Int64
			var mu sync.Mutex
			var begun []int
			early := errors.New("item 1")
			err := queue.Each(3, items, func(i int) error {
				if now := running.Add(1); now > most.Load() {
					most.Store(now)
				}
				defer running.Add(-1)
				mu.Lock()
				begun = append(begun, i)
				mu.Unlock()
				time.Sleep(time.Duration(1+i) * time.Second)
				switch i {
				case 1:
					return early
				case 2, 5:
					return errors.New("a later one")
				}
				return nil
			})
			slices.Sort(begun)
			if !slices.Equal(begun, items) || most.Load() > 3 || n >= 3 && most.Load() != 3 {
				t.Errorf("of %d items %v were worked on, %d at once, want all, 3 at once", n, begun, most.Load())
			}
			if n > 1 && !errors.Is(err, early) || n < 2 && err != nil {
				t.Errorf("Each of %d items = %v, want the first error in time", n, err)
			}
		})
	}
}
