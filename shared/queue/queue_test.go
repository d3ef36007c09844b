package queue_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/queue"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// put puts an entry with a text into a queue.
func put(t *testing.T, q *queue.Queue, at time.Time, text string) dynamo.Item {
	t.Helper()
	it := queue.New(q.Partition, at)
	it["text"] = dynamo.Text(text)
	if _, err := q.DB.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &q.Table, Item: it}); err != nil {
		t.Fatal(err)
	}
	return it
}

// texts are those of what is due, in order.
func texts(q *queue.Queue) (string, error) {
	var all []string
	err := q.Due(context.Background(), func(_ queue.Entry, it dynamo.Item) error {
		text := it.Text("text")
		if text == "bad" {
			return errors.New("it is bad")
		}
		all = append(all, text)
		return nil
	})
	return strings.Join(all, " "), err
}

// Queues in one table do not see each other's entries, and what is not due yet is
// left alone. An entry that cannot be read, by the queue or by whose it is, stops
// nobody else's.
func TestDue(t *testing.T) {
	db, table := enginetest.DB(t)
	one := &queue.Queue{DB: db, Table: table(contract.Sessions), Partition: "one", Now: func(context.Context) time.Time { return noon }}
	other := &queue.Queue{DB: db, Table: one.Table, Partition: "other", Now: one.Now}
	put(t, one, noon.Add(-time.Second), "second")
	put(t, one, noon.Add(-time.Minute), "first")
	put(t, one, noon.Add(time.Millisecond), "later")
	put(t, other, noon, "else")
	if got, err := texts(one); err != nil || got != "first second" {
		t.Errorf("Due = %q, %v, want the first and the second", got, err)
	}
	put(t, one, noon.Add(-time.Hour), "bad")
	if got, err := texts(one); err == nil || got != "first second" {
		t.Errorf("Due = %q, %v, want an error and the rest", got, err)
	}
	broken := put(t, other, noon, "broken")
	broken["tries"] = dynamo.Text("many")
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &one.Table, Item: broken}); err != nil {
		t.Fatal(err)
	}
	if got, err := texts(other); err == nil || got != "else" {
		t.Errorf("Due = %q, %v, want an error and the rest", got, err)
	}
}

// More entries than fit into one answer of the table are all found.
func TestManyPages(t *testing.T) {
	db, table := enginetest.DB(t)
	q := &queue.Queue{DB: db, Table: table(contract.Sessions), Partition: "q", Now: func(context.Context) time.Time { return noon }}
	long := strings.Repeat("x", 300<<10)
	for range 5 { // an answer has a megabyte at most
		put(t, q, noon, long)
	}
	if got, err := texts(q); err != nil || len(got) != 5*len(long)+4 {
		t.Errorf("Due found %d bytes, %v, want those of five entries", len(got), err)
	}
}
