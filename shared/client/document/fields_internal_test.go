package document

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfADocumentIsStored(t *testing.T) {
	want := listtest.Filled(func(e *Cached) {
		e.Fetched, e.Until = time.Unix(e.Fetched.Unix(), 0), time.Unix(e.Until.Unix(), 0)
	})
	it := encode(want).Set
	got, err := decode(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of a document is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := decode(it)
		return err
	}, "ttl", "temporary")
	const layout = "alg S, fetched N, grants L S, jwks S, name S, problem S, redirects L S, temporary BOOL, ttl N, until N"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a document consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
	// What the next one does not have is removed, or it would stand there for ever.
	if c := encode(&Cached{Until: want.Until}); len(c.Set) != 2 || len(c.Set)+len(c.Remove) != len(it) {
		t.Errorf("the write of an empty document sets %v and removes %v, want it to remove all but two of %d attributes", c.Set, c.Remove, len(it))
	}
}
