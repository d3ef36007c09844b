package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Log writes one JSON line per request. The line is also the request's metrics
// in CloudWatch's embedded metric format, so that counting costs no call.
type Log struct {
	W io.Writer

	mu sync.Mutex
	// declared are the directives of the lines so far, by the rare metrics in
	// them: a process has few, and each is a third of a line.
	declared map[rareSet][]byte
}

// Entry is all that a request may leave in the log. A field that does not
// stand here cannot be logged, which is what keeps tokens, codes and secrets
// out: a handler may fill in the exported identifiers, and nothing else.
type Entry struct {
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
	// Subject is the person whom the request was about.
	Subject string `json:"sub,omitempty"`
	// Session is the id of the grant or of the login session.
	Session string `json:"sid,omitempty"`
	// Outcome is what became of a refresh: "rotated", "replayed" or "reused".
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

// Note returns the entry of the request's log line, for the handler to fill
// in what it learns.
func Note(ctx context.Context) *Entry { return entryOf(ctx) }

func entryOf(ctx context.Context) *Entry {
	if e, ok := ctx.Value(entryKey{}).(*Entry); ok {
		return e
	}
	return &Entry{}
}

// line is an entry with its time. What the embedded metric format asks for beside
// that, in the member _aws, is appended to it.
type line struct {
	Time string `json:"time"`
	*Entry
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
var always = []metric{
	{contract.MetricRequests, "Count"},
	{contract.MetricRefusals, "Count"},
	{contract.MetricFaults, "Count"},
	{contract.MetricDuration, "Milliseconds"},
	{contract.MetricCalls, "Count"},
}

// rare are the metrics of the requests that have them.
var rare = [...]struct {
	name  string
	count func(*Entry) int
}{
	{contract.MetricRotated, func(e *Entry) int { return e.Rotated }},
	{contract.MetricReplayed, func(e *Entry) int { return e.Replayed }},
	{contract.MetricReused, func(e *Entry) int { return e.Reused }},
	{contract.MetricThrottled, func(e *Entry) int { return e.Throttled }},
	{contract.MetricAuditFailures, func(e *Entry) int { return e.AuditFailures }},
}

// rareSet says which of them an entry counts.
type rareSet [len(rare)]bool

func (e *Entry) rareSet() (set rareSet) {
	for i := range rare {
		set[i] = rare[i].count(e) != 0
	}
	return set
}

// directives declares the metrics of a line in JSON: those of every request, and
// those of the set.
func (l *Log) directives(set rareSet) []byte {
	if text, ok := l.declared[set]; ok {
		return text
	}
	metrics := always[:len(always):len(always)]
	for i := range rare {
		if set[i] {
			metrics = append(metrics, metric{rare[i].name, "Count"})
		}
	}
	text, err := json.Marshal([]metricDirective{{
		Namespace:  contract.MetricNamespace,
		Dimensions: [][]string{{contract.DimensionStage, contract.DimensionRoute}},
		Metrics:    metrics,
	}})
	if err != nil {
		panic(err) // strings always marshal
	}
	if l.declared == nil {
		l.declared = map[rareSet][]byte{}
	}
	l.declared[set] = text
	return text
}

// request writes the line of a finished request.
func (l *Log) request(e *Entry, now time.Time) {
	e.Requests = 1
	switch {
	case e.Status >= http.StatusInternalServerError:
		e.Faults = 1
	case e.Status >= http.StatusBadRequest:
		e.Refusals = 1
	}
	data, err := json.Marshal(line{Time: now.UTC().Format(time.RFC3339Nano), Entry: e})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	data = append(data[:len(data)-1], `,"_aws":{"Timestamp":`...)
	data = strconv.AppendInt(data, now.UnixMilli(), 10)
	data = append(data, `,"CloudWatchMetrics":`...)
	data = append(data, l.directives(e.rareSet())...)
	data = append(data, "}}\n"...)
	_, _ = l.W.Write(data) // a log that cannot be written must not stop a sign-in
}
