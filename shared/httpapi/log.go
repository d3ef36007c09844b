package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Log writes one JSON line per request. The line is also the request's metrics
// in CloudWatch's embedded metric format, so that counting costs no call.
type Log struct {
	W  io.Writer
	mu sync.Mutex
}

// Entry is all that a request may leave in the log. A field that does not
// stand here cannot be logged, which is what keeps tokens, codes and secrets
// out: a handler may fill in the exported identifiers, and nothing else.
type Entry struct {
	Stage     string `json:"Stage"`
	Route     string `json:"Route"`
	Method    string `json:"method"`
	RequestID string `json:"request_id,omitempty"`
	Status    int    `json:"status"`
	// Code is the error code of a refusal.
	Code string `json:"code,omitempty"`
	// Error is the reason, in our words.
	Error string `json:"error,omitempty"`
	// Client is the id of the client, once it is known to exist.
	Client string `json:"client,omitempty"`
	// TokenID is the jti of the token that was issued or looked at.
	TokenID string `json:"jti,omitempty"`
	// Grant is the grant type or the grant.
	Grant        string  `json:"grant,omitempty"`
	Milliseconds float64 `json:"Duration"`
	Calls        int64   `json:"Calls"`
	Requests     int     `json:"Requests"`
	Refusals     int     `json:"Refusals"`
	Faults       int     `json:"Faults"`
}

type entryKey struct{}

// Note returns the entry of the request's log line, for the handler to fill
// in what it learns.
func Note(ctx context.Context) *Entry { return entryOf(ctx) }

func entryOf(ctx context.Context) *Entry {
	if e, ok := ctx.Value(entryKey{}).(*Entry); ok {
		return e
	}
	return &Entry{}
}

// line is an entry with what the embedded metric format asks for.
type line struct {
	Time string `json:"time"`
	*Entry
	Metrics metricHeader `json:"_aws"`
}

type metricHeader struct {
	Timestamp         int64             `json:"Timestamp"`
	CloudWatchMetrics []metricDirective `json:"CloudWatchMetrics"`
}

type metricDirective struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct {
	Name string
	Unit string
}

var directives = []metricDirective{{
	Namespace:  contract.MetricNamespace,
	Dimensions: [][]string{{contract.DimensionStage, contract.DimensionRoute}},
	Metrics: []metric{
		{contract.MetricRequests, "Count"},
		{contract.MetricRefusals, "Count"},
		{contract.MetricFaults, "Count"},
		{contract.MetricDuration, "Milliseconds"},
		{contract.MetricCalls, "Count"},
	},
}}

// request writes the line of a finished request.
func (l *Log) request(e *Entry, now time.Time) {
	e.Requests = 1
	switch {
	case e.Status >= http.StatusInternalServerError:
		e.Faults = 1
	case e.Status >= http.StatusBadRequest:
		e.Refusals = 1
	}
	data, err := json.Marshal(line{
		Time:    now.UTC().Format(time.RFC3339Nano),
		Entry:   e,
		Metrics: metricHeader{Timestamp: now.UnixMilli(), CloudWatchMetrics: directives},
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.W.Write(append(data, '\n')) // a log that cannot be written must not stop a sign-in
}
