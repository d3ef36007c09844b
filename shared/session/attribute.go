package session

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// names returns the placeholders of an expression: many of our attributes are
// called like a word that DynamoDB reserves, so every one is written "#name".
func names(attributes ...string) map[string]string {
	m := make(map[string]string, len(attributes))
	for _, a := range attributes {
		m["#"+a] = a
	}
	return m
}

// The put functions leave out what is empty: absence is the zero value.

func putText(it item, name, value string) {
	if value != "" {
		it[name] = text(value)
	}
}

func putTexts(it item, name string, values []string) {
	if len(values) == 0 {
		return
	}
	list := make([]types.AttributeValue, len(values))
	for i, v := range values {
		list[i] = text(v)
	}
	it[name] = &types.AttributeValueMemberL{Value: list}
}

// reader reads the attributes of one item and keeps the first error. What is
// absent is the zero value.
type reader struct {
	it  item
	err error
}

func (r *reader) fail(name string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s is not what it should be", name)
	}
}

func (r *reader) text(name string) string {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.fail(name)
	}
	return ""
}

// after is the rest of a text that must begin with a prefix.
func (r *reader) after(name, prefix string) string {
	rest, ok := strings.CutPrefix(r.text(name), prefix)
	if !ok {
		r.fail(name)
	}
	return rest
}

func (r *reader) texts(name string) []string {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberL:
		out := make([]string, len(v.Value))
		for i, one := range v.Value {
			s, ok := one.(*types.AttributeValueMemberS)
			if !ok {
				r.fail(name)
				return nil
			}
			out[i] = s.Value
		}
		return out
	default:
		r.fail(name)
	}
	return nil
}

func (r *reader) bytes(name string) []byte {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberB:
		return v.Value
	default:
		r.fail(name)
	}
	return nil
}

func (r *reader) number(name string) int64 {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			r.fail(name)
		}
		return n
	default:
		r.fail(name)
	}
	return 0
}

func (r *reader) time(name string) time.Time {
	if n := r.number(name); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}
