package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
)

// history writes entries of ann and bob, one every 20 minutes before noon, the
// youngest first, and returns them.
func history(t *testing.T, db *dynamodb.Client, tr *audit.Trail, n int) []audit.Entry {
	t.Helper()
	var all []audit.Entry
	for i := range n {
		e := audit.Entry{
			ID: audit.NewID(noon.Add(-time.Duration(i) * 20 * time.Minute)), Actor: "operator", Action: audit.UserUpdate,
			Subject: "ann", Object: fmt.Sprintf("user#%d", i), Outcome: audit.Success, Detail: map[string]string{"n": fmt.Sprint(i)},
			RequestID: "r",
		}
		if i%3 == 1 {
			e.Subject, e.Action = "bob", audit.UserDisable
		}
		if i%3 == 2 {
			e.Subject, e.Action = "", audit.KeyRotate
		}
		stored(t, db, tr, e)
		all = append(all, e)
	}
	return all
}

func objects(entries []audit.Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimPrefix(e.Object, "user#"))
	}
	return strings.Join(all, " ")
}

func TestListSelectsByQuery(t *testing.T) {
	db, name := enginetest.DB(t)
	tr := trail(name(contract.Audit), 30)
	written := history(t, db, tr, 12) // of four hours
	day := noon.Add(-24 * time.Hour)
	tests := []struct {
		name  string
		query audit.Query
		want  string
	}{
		{"everything", audit.Query{Since: day, Limit: 100}, "0 1 2 3 4 5 6 7 8 9 10 11"},
		{"limit", audit.Query{Since: day, Limit: 5}, "0 1 2 3 4"},
		{"since, to the millisecond", audit.Query{Since: noon.Add(-time.Hour), Limit: 100}, "0 1 2 3"},
		{"since, a millisecond later", audit.Query{Since: noon.Add(-time.Hour + time.Millisecond), Limit: 100}, "0 1 2"},
		{"until", audit.Query{Since: day, Until: noon.Add(-time.Hour), Limit: 3}, "3 4 5"},
		{"of ann", audit.Query{Subject: "ann", Limit: 100}, "0 3 6 9"},
		{"of ann since", audit.Query{Subject: "ann", Since: noon.Add(-2 * time.Hour), Limit: 100}, "0 3 6"},
		{"of ann, limit", audit.Query{Subject: "ann", Limit: 2}, "0 3"},
		{"of no entry", audit.Query{Subject: "eve", Limit: 100}, ""},
		{"one action", audit.Query{Since: day, Action: audit.KeyRotate, Limit: 100}, "2 5 8 11"},
		{"one action, limit", audit.Query{Since: day, Action: audit.KeyRotate, Limit: 3}, "2 5 8"},
		{"all of a kind", audit.Query{Since: day, Action: "user", Limit: 4}, "0 1 3 4"},
		{"beginning of a kind", audit.Query{Since: day, Action: "use", Limit: 4}, ""},
		{"one action of bob", audit.Query{Subject: "bob", Action: audit.UserDisable, Limit: 2}, "1 4"},
		{"another action of bob", audit.Query{Subject: "bob", Action: audit.UserUpdate, Limit: 2}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tr.List(t.Context(), db, tt.query)
			if err != nil || objects(got) != tt.want {
				t.Errorf("List(%+v) = %q, %v, want %q", tt.query, objects(got), err, tt.want)
			}
		})
	}
	got, err := tr.List(t.Context(), db, audit.Query{Since: day, Limit: 1})
	if err != nil || fmt.Sprintf("%+v", got[0]) != fmt.Sprintf("%+v", written[0]) {
		t.Errorf("List = %+v, %v, want what was written: %+v", got, err, written[0])
	}
	if at := got[0].Time(); !at.Equal(noon) {
		t.Errorf("Time = %v, want %v", at, noon)
	}
	if list, err := tr.List(t.Context(), db, audit.Query{Limit: 1}); err == nil {
		t.Errorf("List of everybody since ever = %v, want an error", list)
	}
}

// List merges the entries of all shards of an hour in one order, and follows a page that
// ends early.
func TestListManyOfOneHour(t *testing.T) {
	db, name := enginetest.DB(t)
	tr := trail(name(contract.Audit), 30)
	var ids []string
	for i := range 300 {
		e := audit.Entry{ID: audit.NewID(noon.Add(-time.Duration(i) * time.Second)), Action: audit.KeyRotate, Outcome: audit.Success}
		e.Detail = map[string]string{"long": strings.Repeat("x", 256)}
		stored(t, db, tr, e)
		ids = append(ids, e.ID.String())
	}
	got, err := tr.List(t.Context(), db, audit.Query{Since: noon.Add(-time.Hour), Limit: 200})
	if err != nil || len(got) != 200 {
		t.Fatalf("List = %d entries, %v, want 200", len(got), err)
	}
	for i, e := range got {
		if e.ID.String() != ids[i] {
			t.Fatalf("entry %d = %s, want %s", i, e.ID, ids[i])
		}
	}
}
