package apigw

import (
	"context"
	"strings"
)

// lambdaTrace is the key under which aws-lambda-go puts the trace header of an
// event into the context. It is a string because X-Ray's SDK looks for one.
const lambdaTrace = "x-amzn-trace-id"

// traceOf returns the id of the trace of an event, such as
// "1-5759e988-bd862e3fe1be46a994272793", or nothing.
func traceOf(ctx context.Context) string {
	header, _ := ctx.Value(lambdaTrace).(string)
	return rootOf(header)
}

// rootOf returns the id of the trace in a header such as
// "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".
// A caller of the API may have chosen it, so whatever else stands there does not
// reach the log.
func rootOf(header string) string {
	for field := range strings.SplitSeq(header, ";") {
		if id, ok := strings.CutPrefix(field, "Root="); ok && isTrace(id) {
			return id
		}
	}
	return ""
}

// isTrace reports whether id is a version, 8 and 24 hexadecimal digits.
func isTrace(id string) bool {
	const form = "1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx"
	if len(id) != len(form) {
		return false
	}
	for i := range len(form) {
		hex := '0' <= id[i] && id[i] <= '9' || 'a' <= id[i] && id[i] <= 'f'
		if form[i] == 'x' && !hex || form[i] != 'x' && id[i] != form[i] {
			return false
		}
	}
	return true
}
