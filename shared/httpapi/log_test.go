package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/httpapi"
)

func TestLogLineIsAMetric(t *testing.T) {
	rt, log := route(post, func(w http.ResponseWriter, r *http.Request) error {
		httpapi.Note(r.Context()).Client = "billing"
		httpapi.Answer(w, 200, struct{}{})
		return nil
	})
	r := form("")
	arrived := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)
	ctx := httpapi.WithArrival(r.Context(), arrived.UnixMilli(), "req-1")
	serve(rt, r.WithContext(httpapi.WithTrace(ctx, "1-5759e988-bd862e3fe1be46a994272793")))
	var line struct {
		Time, Stage, Route, Method, Client string
		RequestID                          string `json:"request_id"`
		TraceID                            string `json:"trace_id"`
		Status, Requests, Refusals, Faults int
		AWS                                struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("log line %q: %v", log, err)
	}
	if line.Stage != "test" || line.Route != "post" || line.Client != "billing" || line.RequestID != "req-1" || line.Status != 200 || line.Requests != 1 || line.Refusals != 0 {
		t.Errorf("log line = %+v", line)
	}
	if line.TraceID != "1-5759e988-bd862e3fe1be46a994272793" {
		t.Errorf("trace = %q, want that of the request", line.TraceID)
	}
	if line.Time != "2026-11-22T13:00:00Z" || line.AWS.Timestamp != arrived.UnixMilli() {
		t.Errorf("time = %s, %d, want that of the request", line.Time, line.AWS.Timestamp)
	}
	var all map[string]any
	_ = json.Unmarshal(log.Bytes(), &all)
	for _, m := range line.AWS.CloudWatchMetrics[0].Metrics {
		if _, ok := all[m.Name].(float64); !ok {
			t.Errorf("metric %s has no number beside it in %s", m.Name, log)
		}
	}
	for _, d := range line.AWS.CloudWatchMetrics[0].Dimensions[0] {
		if _, ok := all[d].(string); !ok {
			t.Errorf("dimension %s has no value in %s", d, log)
		}
	}
}

func TestNoTraceNoField(t *testing.T) {
	rt, log := route(post, func(w http.ResponseWriter, _ *http.Request) error {
		httpapi.Answer(w, 200, struct{}{})
		return nil
	})
	serve(rt, form(""))
	if strings.Contains(log.String(), "trace") {
		t.Errorf("log of a request without a trace = %s", log)
	}
}

// A metric that a route never counts is never declared: each costs money.
func TestRareMetrics(t *testing.T) {
	count := func(entry func(*httpapi.LogEntry)) string {
		rt, log := route(post, func(w http.ResponseWriter, r *http.Request) error {
			entry(httpapi.Note(r.Context()))
			httpapi.Answer(w, 200, struct{}{})
			return nil
		})
		serve(rt, form(""))
		return log.String()
	}
	if log := count(func(*httpapi.LogEntry) {}); strings.Contains(log, "Replayed") {
		t.Errorf("log of a plain request = %s, want no rare metric", log)
	}
	log := count(func(e *httpapi.LogEntry) { e.Outcome, e.Replayed = "replayed", 1 })
	for _, want := range []string{`"outcome":"replayed"`, `"Replayed":1`, `{"Name":"Replayed","Unit":"Count"}`, `{"Name":"Requests","Unit":"Count"}`} {
		if !strings.Contains(log, want) {
			t.Errorf("log of a replay = %s, want %s", log, want)
		}
	}
}
