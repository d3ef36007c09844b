package listtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Layout is what an item consists of: the names of its attributes in order, each with
// its type as DynamoDB calls it, such as "id S". What a list of maps has in it stands
// in braces. An earlier release has written such items, so a name in a layout changes
// for no reason.
func Layout(item map[string]types.AttributeValue) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(item)) {
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
