package dynamo_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Every condition holds for the right items, also for names that DynamoDB reserves.
func TestConditionsHoldForTheRightItems(t *testing.T) {
	db, table := registry(t)
	item := dynamo.Key("there", "x")
	item["state"] = dynamo.Text("active")
	item["count"] = dynamo.Number(5)
	item["name"] = dynamo.Flag(false)
	item["size"] = dynamo.Flag(true)
	item["zone"] = dynamo.Number(0)
	item["values"] = &types.AttributeValueMemberSS{Value: []string{"a", "b"}}
	run(t, db, dynamo.Put(table, item))
	n := dynamo.Number
	for name, tt := range map[string]struct {
		condition dynamo.Condition
		// there is whether it holds for the item, and nothing whether it holds
		// when there is none.
		there, nothing bool
	}{
		"Exists":                      {dynamo.Exists(), true, false},
		"NotExists":                   {dynamo.NotExists(), false, true},
		"Present":                     {dynamo.Present("state"), true, false},
		"Present of another":          {dynamo.Present("status"), false, false},
		"Absent":                      {dynamo.Absent("state"), false, true},
		"Absent of another":           {dynamo.Absent("status"), true, true},
		"Equal":                       {dynamo.Equal("state", dynamo.Text("active")), true, false},
		"Equal to another":            {dynamo.Equal("state", dynamo.Text("ended")), false, false},
		"Equal to another type":       {dynamo.Equal("count", dynamo.Text("5")), false, false},
		"Greater than less":           {dynamo.Greater("count", n(4)), true, false},
		"Greater than the same":       {dynamo.Greater("count", n(5)), false, false},
		"AtMost the same":             {dynamo.AtMost("count", n(5)), true, false},
		"AtMost less":                 {dynamo.AtMost("count", n(4)), false, false},
		"Less than more":              {dynamo.Less("count", n(6)), true, false},
		"Less than the same":          {dynamo.Less("count", n(5)), false, false},
		"NotSet of false":             {dynamo.NotSet("name"), true, true},
		"NotSet of true":              {dynamo.NotSet("size"), false, true},
		"NotSet of an absent one":     {dynamo.NotSet("status"), true, true},
		"Counted as seen":             {dynamo.Counted("count", 5), true, false},
		"Counted since":               {dynamo.Counted("count", 4), false, false},
		"Counted never, and since":    {dynamo.Counted("count", 0), false, true},
		"Counted never":               {dynamo.Counted("status", 0), true, true},
		"Counted, and written as 0":   {dynamo.Counted("zone", 0), true, true},
		"Counted once, and is absent": {dynamo.Counted("status", 1), false, false},
		"Contains":                    {dynamo.Contains("values", "b"), true, false},
		"Contains another":            {dynamo.Contains("values", "c"), false, false},
		"Any, the second":             {dynamo.Any(dynamo.Absent("state"), dynamo.Equal("count", n(5))), true, true},
		"Any, none":                   {dynamo.Any(dynamo.Absent("state"), dynamo.Equal("count", n(4))), false, true},
	} {
		for pk, want := range map[string]bool{"there": tt.there, "nothing": tt.nothing} {
			err := dynamo.Tx{dynamo.Check(table, dynamo.Key(pk, "x"), tt.condition)}.Run(t.Context(), db)
			if (err == nil) != want || err != nil && !errors.Is(err, dynamo.ErrCondition) {
				t.Errorf("%s for %s = %v, want it to hold: %v", name, pk, err, want)
			}
		}
	}
	// Any binds its conditions together: the one beside it must hold as well.
	either := dynamo.Any(dynamo.Present("state"), dynamo.Present("count"))
	err := dynamo.Tx{dynamo.Check(table, dynamo.Key("there", "x"), either, dynamo.Absent("zone"))}.Run(t.Context(), db)
	if !errors.Is(err, dynamo.ErrCondition) {
		t.Errorf("all conditions = %v, want one that does not hold", err)
	}
}

func TestChangesAreApplied(t *testing.T) {
	db, table := registry(t)
	key := dynamo.Key("a", "x")
	full := dynamo.Changes{
		Set:     dynamo.Item{"name": dynamo.Text("Ada"), "state": dynamo.Text("active"), "size": dynamo.Number(2)},
		Remove:  []string{"status"},
		Raise:   []string{"rev", "count"},
		Include: map[string][]string{"set": {"b", "a"}, "values": nil},
		Delete:  map[string]string{"zone": "c"},
	}
	if full.Empty() || !(dynamo.Changes{}).Empty() {
		t.Error("Empty = true of changes, or false of none")
	}
	check := func(times int64, names []string) {
		t.Helper()
		it := stored(t, db, table, key)
		if it.Text("name") != "Ada" || it.Text("state") != "active" || it.Number("rev") != times || it.Number("count") != times {
			t.Errorf("item = %v, want it changed %d times", it, times)
		}
		set, ok := it["set"].(*types.AttributeValueMemberSS)
		if !ok || len(set.Value) != 2 {
			t.Errorf("set = %v, want two texts", it["set"])
		}
		if got := slices.Sorted(maps.Keys(it)); !slices.Equal(got, names) {
			t.Errorf("attributes = %v, want %v", got, names)
		}
	}
	all := []string{"count", "name", "pk", "rev", "set", "size", "sk", "state"}
	run(t, db, dynamo.Update(table, key, full)) // makes the item
	check(1, all)
	if _, err := db.UpdateItem(t.Context(), dynamo.UpdateInput(table, key, full, dynamo.Exists())); err != nil {
		t.Fatal(err)
	}
	check(2, all)
	run(t, db, dynamo.Update(table, key, dynamo.Changes{Remove: []string{"size"}}))
	check(2, slices.DeleteFunc(all, func(name string) bool { return name == "size" }))

	run(t, db, dynamo.Update(table, key, dynamo.Changes{Delete: map[string]string{"set": "b"}}, dynamo.Contains("set", "b")))
	if set, ok := stored(t, db, table, key)["set"].(*types.AttributeValueMemberSS); !ok || !slices.Equal(set.Value, []string{"a"}) {
		t.Errorf("set = %v, want what is left of it", set)
	}
	_, err := db.UpdateItem(t.Context(), dynamo.UpdateInput(table, key, full, dynamo.Equal("rev", dynamo.Number(7))))
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok || dynamo.Item(failed.Item).Number("rev") != 2 {
		t.Errorf("UpdateItem = %v, want a condition that fails with what is stored", err)
	}
}

// UserIs holds only for an enabled user with the expected auth_gen.
func TestUserIsHoldsForAnUnchangedUser(t *testing.T) {
	db, table := registry(t)
	for name, tt := range map[string]struct {
		change  func(dynamo.Item)
		authGen int64
		want    bool
	}{
		"as seen":                   {func(it dynamo.Item) { it["auth_gen"] = dynamo.Number(3) }, 3, true},
		"never ended":               {func(dynamo.Item) {}, 0, true},
		"ended since":               {func(it dynamo.Item) { it["auth_gen"] = dynamo.Number(4) }, 3, false},
		"ended for the first time":  {func(it dynamo.Item) { it["auth_gen"] = dynamo.Number(1) }, 0, false},
		"disabled":                  {func(it dynamo.Item) { it["disabled"] = dynamo.Flag(true) }, 0, false},
		"enabled again":             {func(it dynamo.Item) { it["disabled"] = dynamo.Flag(false) }, 0, true},
		"disabled in another type":  {func(it dynamo.Item) { it["disabled"] = dynamo.Text("yes") }, 0, false},
		"gone":                      {nil, 0, false},
		"seen to have an auth_gen":  {func(dynamo.Item) {}, 1, false},
		"auth_gen in another type":  {func(it dynamo.Item) { it["auth_gen"] = dynamo.Text("0") }, 0, false},
		"the name of another thing": {func(it dynamo.Item) { it["sk"] = dynamo.Text("otp") }, 0, false},
	} {
		subject := "usr_" + name
		if tt.change != nil {
			it := dynamo.UserKey(subject)
			it[dynamo.AttrRevision] = dynamo.Number(1)
			tt.change(it)
			run(t, db, dynamo.Put(table, it))
		}
		err := dynamo.Tx{dynamo.CheckUser(table, subject, tt.authGen).Else(errFirst)}.Run(t.Context(), db)
		if (err == nil) != tt.want || err != nil && !errors.Is(err, errFirst) {
			t.Errorf("%s: CheckUser = %v, want it to hold: %v", name, err, tt.want)
		}
	}
}
