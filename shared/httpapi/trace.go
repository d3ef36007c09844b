package httpapi

import "context"

type traceKey struct{}

// WithTrace stores the X-Ray trace of a request in its context, for the log.
func WithTrace(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// TraceID returns the trace of the request, or "".
func TraceID(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}
