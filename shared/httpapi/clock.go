package httpapi

import (
	"context"
	"sync/atomic"
	"time"
)

// Clock tells the time of the request being served. On Lambda that is the time
// at which the gateway took the request, the same for every step of it; a
// process serves one request at a time. Without such a time, in a task or in a
// test over plain HTTP, it is the system's.
type Clock struct{ millis atomic.Int64 }

// Now returns the time of the current request, or the system's.
func (c *Clock) Now() time.Time {
	if ms := c.millis.Load(); ms != 0 {
		return time.UnixMilli(ms)
	}
	return time.Now()
}

func (c *Clock) set(ms int64) { c.millis.Store(ms) }

type (
	arrivalKey struct{}
	arrival    struct {
		millis int64
		id     string
	}
)

// WithArrival notes when the gateway took a request, in epoch milliseconds,
// and the id it gave it.
func WithArrival(ctx context.Context, millis int64, id string) context.Context {
	return context.WithValue(ctx, arrivalKey{}, arrival{millis, id})
}

func requestTime(ctx context.Context) int64 {
	a, _ := ctx.Value(arrivalKey{}).(arrival)
	return a.millis
}

// RequestID returns the id that the gateway gave the request, or nothing.
func RequestID(ctx context.Context) string {
	a, _ := ctx.Value(arrivalKey{}).(arrival)
	return a.id
}
