package client

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The put functions leave out what is empty: absence is the zero value, or what
// is usual.

func putText(it item, name, value string) {
	if value != "" {
		it[name] = text(value)
	}
}

func putFlag(it item, name string, value bool) {
	if value {
		it[name] = &types.AttributeValueMemberBOOL{Value: true}
	}
}

// putSpan leaves out what is as usual, in whole seconds.
func putSpan(it item, name string, value, usual time.Duration) {
	if value != usual {
		it[name] = number(int64(value / time.Second))
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

func putMaps[T any](it item, name string, values []T, encode func(T) item) {
	if len(values) == 0 {
		return
	}
	list := make([]types.AttributeValue, len(values))
	for i, v := range values {
		list[i] = &types.AttributeValueMemberM{Value: encode(v)}
	}
	it[name] = &types.AttributeValueMemberL{Value: list}
}

// reader reads the attributes of one item and keeps the first error.
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

func (r *reader) bytes(name string) []byte {
	v, ok := r.it[name].(*types.AttributeValueMemberB)
	if !ok {
		r.fail(name)
		return nil
	}
	return v.Value
}

func (r *reader) flag(name string) bool {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.fail(name)
	}
	return false
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

// span reads seconds. What is too short or too long is an error.
func (r *reader) span(name string, usual, shortest, longest time.Duration) time.Duration {
	if _, ok := r.it[name]; !ok {
		return usual
	}
	seconds := r.number(name)
	if seconds < int64(shortest/time.Second) || seconds > int64(longest/time.Second) {
		r.fail(name)
		return usual
	}
	return time.Duration(seconds) * time.Second
}

func (r *reader) list(name string) []types.AttributeValue {
	switch v := r.it[name].(type) {
	case nil:
	case *types.AttributeValueMemberL:
		return v.Value
	default:
		r.fail(name)
	}
	return nil
}

func (r *reader) texts(name string) []string {
	var out []string
	for _, v := range r.list(name) {
		s, ok := v.(*types.AttributeValueMemberS)
		if !ok {
			r.fail(name)
			continue
		}
		out = append(out, s.Value)
	}
	return out
}

func (r *reader) maps(name string, each func(*reader)) {
	for _, v := range r.list(name) {
		m, ok := v.(*types.AttributeValueMemberM)
		if !ok {
			r.fail(name)
			continue
		}
		inner := reader{it: m.Value}
		if each(&inner); inner.err != nil && r.err == nil {
			r.err = fmt.Errorf("%s: %w", name, inner.err)
		}
	}
}
