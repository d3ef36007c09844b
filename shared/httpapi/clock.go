package httpapi

import (
	"context"
	"time"
)

// Now returns the time of the request that ctx belongs to. On Lambda that is the time
// at which the gateway received it, the same for every step of the request. Without
// such a time it is the system's time: in a task, in a command or in a test over plain
// HTTP.
func Now(ctx context.Context) time.Time {
	if a, ok := ctx.Value(arrivalKey{}).(arrival); ok && a.millis != 0 {
		return time.UnixMilli(a.millis)
	}
	return time.Now()
}

type (
	arrivalKey struct{}
	arrival    struct {
		millis int64
		id     string
	}
)

// WithArrival stores the time when the gateway received a request, in Unix
// milliseconds, and the id that the gateway gave it.
func WithArrival(ctx context.Context, millis int64, id string) context.Context {
	return context.WithValue(ctx, arrivalKey{}, arrival{millis, id})
}

// RequestID returns the id that the gateway gave the request, or nothing.
func RequestID(ctx context.Context) string {
	a, _ := ctx.Value(arrivalKey{}).(arrival)
	return a.id
}
