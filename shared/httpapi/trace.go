package httpapi

import "context"

type traceKey struct{}

// WithTrace notes the X-Ray trace that a request is part of, for the log.
func WithTrace(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// TraceID returns the trace that the request is part of, or nothing.
func TraceID(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}
