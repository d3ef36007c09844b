package client

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// putSpan stores a duration in whole seconds, and omits the usual one.
func putSpan(it dynamo.Item, name string, value, usual time.Duration) {
	if value != usual {
		it[name] = dynamo.Number(int64(value / time.Second))
	}
}

// span reads seconds. A value below shortest or above longest is an error.
func span(r *dynamo.Reader, name string, usual, shortest, longest time.Duration) time.Duration {
	if _, ok := r.Item[name]; !ok {
		return usual
	}
	seconds := r.Number(name)
	if seconds < int64(shortest/time.Second) || seconds > int64(longest/time.Second) {
		r.Fail(name)
		return usual
	}
	return time.Duration(seconds) * time.Second
}
