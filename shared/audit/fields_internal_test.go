package audit

import (
	"context"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfAnEntryIsStored(t *testing.T) {
	trail := &Trail{Days: 30, Now: func(context.Context) time.Time { return time.Now() }}
	want := listtest.Filled(func(e *Entry) { e.ID = ulid.MustParse("01KAWG6V00000000000000000Z") })
	it := trail.Put(t.Context(), *want).Sets()
	got, err := decode(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(&got, want) {
		t.Errorf("%s of an entry is lost when it is stored", name)
	}
	delete(it, "detail") // has the names that its writer gave
	if got, layout := listtest.Layout(it), "action S, actor S, object S, outcome S, pk 2025-11-25T03#, request S, sk 01KAWG6V00000000000000000Z, sub S, time S, ttl N"; got != layout {
		t.Errorf("the item of an entry consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
	if at := want.Time().Format("2006-01-02T15:04:05.000Z"); it.Text("time") != at || it.Number("ttl") != want.Time().AddDate(0, 0, 30).Unix() {
		t.Errorf("time, ttl = %s, %d, want %s and 30 days later", it.Text("time"), it.Number("ttl"), at)
	}
}
