package listtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Layout is what an item consists of: the names of its attributes in order, each with
// its type as DynamoDB calls it, such as "id S". What a list of maps has in it stands
// in braces. Of a key it has the text as far as all such items have the same, such as
// "pk client#". An earlier release has written such items, so nothing in a layout
// changes.
func Layout(item map[string]types.AttributeValue) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(item)) {
		text, ok := item[name].(*types.AttributeValueMemberS)
		if ok && (name == contract.PK || name == contract.SK) {
			head, _, more := strings.Cut(text.Value, "#")
			if more {
				head += "#"
			}
			all = append(all, name+" "+head)
			continue
		}
		all = append(all, name+" "+typeOf(item[name]))
	}
	return strings.Join(all, ", ")
}

func typeOf(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberL:
		if len(v.Value) > 0 {
			return "L " + typeOf(v.Value[0])
		}
	case *types.AttributeValueMemberM:
		return "{" + Layout(v.Value) + "}"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", v), "*types.AttributeValueMember")
}

// Spoil reads an item again and again, each time with one attribute of a type that
// nothing stores, and reports those that are taken for absent: what we cannot read
// must not be weaker than what was written. Those that are left out are read by none
// or without care.
func Spoil(t testing.TB, item map[string]types.AttributeValue, read func(map[string]types.AttributeValue) error, leftOut ...string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(item)) {
		if slices.Contains(leftOut, name) {
			continue
		}
		spoiled := maps.Clone(item)
		spoiled[name] = &types.AttributeValueMemberNULL{Value: true}
		if err := read(spoiled); err == nil {
			t.Errorf("an item with the attribute %s of another type is read without an error", name)
		}
	}
}
