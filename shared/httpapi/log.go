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

// LogEntry has every field that a request may leave in the log. Nothing else can be
// logged, which keeps tokens, codes and secrets out: a handler fills in the exported
// identifiers only.
type LogEntry struct {
	Stage     string `json:"Stage"`
	Route     string `json:"Route"`
	Method    string `json:"method"`
	RequestID string `json:"request_id,omitempty"`
	// TraceID is the X-Ray trace that the request is part of.
	TraceID string `json:"trace_id,omitempty"`
	Status  int    `json:"status"`
	// Code is the error code of a refusal.
	Code string `json:"code,omitempty"`
	// Error is the reason, in our words.
	Error string `json:"error,omitempty"`
	// Client is the id of the client, once it is known to exist.
	Client string `json:"client,omitempty"`
	// TokenID is the jti of the token that was issued or looked at.
	TokenID string `json:"jti,omitempty"`
	// Grant is the grant type.
	Grant string `json:"grant,omitempty"`
	// Subject is the user that the request was about.
	Subject string `json:"sub,omitempty"`
	// Session is the id of the grant or of the login session.
	Session string `json:"sid,omitempty"`
	// Outcome is the outcome of a refresh: "rotated", "replayed" or "reused".
	Outcome      string  `json:"outcome,omitempty"`
	Milliseconds float64 `json:"Duration"`
	Calls        int64   `json:"Calls"`
	Requests     int     `json:"Requests"`
	Refusals     int     `json:"Refusals"`
	Faults       int     `json:"Faults"`
	// The counts below are metrics of the requests that have them.
	Rotated       int `json:"Rotated,omitempty"`
	Replayed      int `json:"Replayed,omitempty"`
	Reused        int `json:"Reused,omitempty"`
	Throttled     int `json:"Throttled,omitempty"`
	AuditFailures int `json:"AuditFailures,omitempty"`
}

type entryKey struct{}

// Note returns the entry of the request's log line, for the handler to fill in.
func Note(ctx context.Context) *LogEntry { return entryOf(ctx) }

func entryOf(ctx context.Context) *LogEntry {
	if e, ok := ctx.Value(entryKey{}).(*LogEntry); ok {
		return e
	}
	return &LogEntry{}
}

// line is an entry with the fields of the embedded metric format.
type line struct {
	Time string `json:"time"`
	*LogEntry
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

// always are the metrics of every request.
var always = func() []metric {
	var all []metric
	for _, m := range contract.Metrics {
		if !m.Rare {
			all = append(all, metric{m.Name, m.Unit})
		}
	}
	return all
}()

// directives declares the metrics of a line: those of every request, and those
// that this one counts.
func (e *LogEntry) directives() []metricDirective {
	metrics := always
	for _, rare := range []struct {
		name  string
		count int
	}{
		{contract.MetricRotated, e.Rotated},
		{contract.MetricReplayed, e.Replayed},
		{contract.MetricReused, e.Reused},
		{contract.MetricThrottled, e.Throttled},
		{contract.MetricAuditFailures, e.AuditFailures},
	} {
		if rare.count != 0 {
			metrics = append(metrics[:len(metrics):len(metrics)], metric{rare.name, contract.UnitCount})
		}
	}
	return []metricDirective{{
		Namespace:  contract.MetricNamespace,
		Dimensions: [][]string{{contract.DimensionStage, contract.DimensionRoute}},
		Metrics:    metrics,
	}}
}

// request writes the line of a finished request.
func (l *Log) request(e *LogEntry, now time.Time) {
	e.Requests = 1
	switch {
	case e.Status >= http.StatusInternalServerError:
		e.Faults = 1
	case e.Status >= http.StatusBadRequest:
		e.Refusals = 1
	}
	data, err := json.Marshal(line{
		Time:     now.UTC().Format(time.RFC3339Nano),
		LogEntry: e,
		Metrics:  metricHeader{Timestamp: now.UnixMilli(), CloudWatchMetrics: e.directives()},
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.W.Write(append(data, '\n')) // a log that cannot be written must not stop a sign-in
}
