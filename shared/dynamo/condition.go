package dynamo

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Condition is a condition on an item that must hold for a write to happen. The
// functions of this package make it, so that no package writes an expression by hand
// and no name collides with a reserved word of DynamoDB.
type Condition func(*expression) string

// Exists holds when the item exists.
func Exists() Condition {
	return func(*expression) string { return "attribute_exists(" + contract.PK + ")" }
}

// NotExists holds when the item does not exist.
func NotExists() Condition {
	return func(*expression) string { return "attribute_not_exists(" + contract.PK + ")" }
}

// Present holds when the item has the attribute.
func Present(name string) Condition {
	return func(e *expression) string { return "attribute_exists(" + e.name(name) + ")" }
}

// Absent holds when the item lacks the attribute.
func Absent(name string) Condition {
	return func(e *expression) string { return "attribute_not_exists(" + e.name(name) + ")" }
}

// Equal holds when the attribute has the value.
func Equal(name string, value types.AttributeValue) Condition { return compare(name, " = ", value) }

// Greater holds when the attribute is greater than the value.
func Greater(name string, value types.AttributeValue) Condition { return compare(name, " > ", value) }

// AtMost holds when the attribute is the value or less.
func AtMost(name string, value types.AttributeValue) Condition { return compare(name, " <= ", value) }

// Less holds when the attribute is less than the value.
func Less(name string, value types.AttributeValue) Condition { return compare(name, " < ", value) }

func compare(name, operator string, value types.AttributeValue) Condition {
	return func(e *expression) string { return e.name(name) + operator + e.value(value) }
}

// Contains holds when a set of texts has the element.
func Contains(name, element string) Condition {
	return func(e *expression) string { return "contains(" + e.name(name) + ", " + e.value(Text(element)) + ")" }
}

// NotSet holds when a flag is false or absent.
func NotSet(name string) Condition { return Any(Absent(name), Equal(name, Flag(false))) }

// Counted holds when a counter has the value seen. A counter that was never raised is
// absent, which is 0.
func Counted(name string, seen int64) Condition {
	if seen == 0 {
		return Any(Absent(name), Equal(name, Number(0)))
	}
	return Equal(name, Number(seen))
}

// Any holds when one of the conditions does.
func Any(conditions ...Condition) Condition {
	return func(e *expression) string { return "(" + e.join(conditions, " OR ") + ")" }
}

// expression collects the names and values of the expressions of one write.
type expression struct {
	names  map[string]string
	values Item
}

// name returns the placeholder of an attribute.
func (e *expression) name(attribute string) string {
	if e.names == nil {
		e.names = map[string]string{}
	}
	placeholder := "#" + attribute
	e.names[placeholder] = attribute
	return placeholder
}

// value returns a placeholder of a value.
func (e *expression) value(v types.AttributeValue) string {
	if e.values == nil {
		e.values = Item{}
	}
	placeholder := ":v" + strconv.Itoa(len(e.values))
	e.values[placeholder] = v
	return placeholder
}

// all returns the expression that holds when all conditions do, nil for none.
func (e *expression) all(conditions []Condition) *string {
	if len(conditions) == 0 {
		return nil
	}
	return new(e.join(conditions, " AND "))
}

func (e *expression) join(conditions []Condition, operator string) string {
	parts := make([]string, len(conditions))
	for i, c := range conditions {
		parts[i] = c(e)
	}
	return strings.Join(parts, operator)
}
