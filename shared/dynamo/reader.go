package dynamo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Reader reads the attributes of one item and keeps the first error. An absent
// attribute is read as the zero value. An attribute of the wrong type is also read as
// the zero value, and is an error.
type Reader struct {
	Item Item

	err error
}

// Err returns the first error, nil for none. It names the attribute and not its value.
func (r *Reader) Err() error { return r.err }

// Fail records that an attribute has a wrong value.
func (r *Reader) Fail(name string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s is not what it should be", name)
	}
}

// Text reads a text.
func (r *Reader) Text(name string) string {
	switch v := r.Item[name].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.Fail(name)
	}
	return ""
}

// After reads the rest of a text that must begin with a prefix.
func (r *Reader) After(name, prefix string) string {
	rest, ok := strings.CutPrefix(r.Text(name), prefix)
	if !ok {
		r.Fail(name)
	}
	return rest
}

// Texts reads a list of texts, nil if it is empty.
func (r *Reader) Texts(name string) []string {
	list := r.list(name)
	if len(list) == 0 {
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		s, ok := v.(*types.AttributeValueMemberS)
		if !ok {
			r.Fail(name)
			return nil
		}
		out[i] = s.Value
	}
	return out
}

// Bytes reads bytes. The caller must not change them.
func (r *Reader) Bytes(name string) []byte {
	switch v := r.Item[name].(type) {
	case nil:
	case *types.AttributeValueMemberB:
		return v.Value
	default:
		r.Fail(name)
	}
	return nil
}

// Flag reads a boolean.
func (r *Reader) Flag(name string) bool {
	switch v := r.Item[name].(type) {
	case nil:
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.Fail(name)
	}
	return false
}

// Number reads a whole number.
func (r *Reader) Number(name string) int64 {
	switch v := r.Item[name].(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			r.Fail(name)
			return 0
		}
		return n
	default:
		r.Fail(name)
	}
	return 0
}

// Time reads a time that was written with [Seconds]. It is in UTC, and the epoch is
// the zero time.
func (r *Reader) Time(name string) time.Time {
	if n := r.Number(name); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

// Maps reads a list of maps. It calls each with a separate reader for every map. The
// reader is valid until each returns.
func (r *Reader) Maps(name string, each func(*Reader)) {
	for _, v := range r.list(name) {
		m, ok := v.(*types.AttributeValueMemberM)
		if !ok {
			r.Fail(name)
			continue
		}
		inner := Reader{Item: m.Value}
		if each(&inner); inner.err != nil && r.err == nil {
			r.err = fmt.Errorf("%s: %w", name, inner.err)
		}
	}
}

func (r *Reader) list(name string) []types.AttributeValue {
	switch v := r.Item[name].(type) {
	case nil:
	case *types.AttributeValueMemberL:
		return v.Value
	default:
		r.Fail(name)
	}
	return nil
}
