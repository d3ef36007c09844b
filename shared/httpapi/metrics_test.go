package httpapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

// logged returns the log line of a request after its handler noted this, with the
// metrics that the line declares.
func logged(t *testing.T, note func(*httpapi.LogEntry)) (line map[string]any, declared []contract.Metric) {
	t.Helper()
	rt, log := route(post, func(w http.ResponseWriter, r *http.Request) error {
		note(httpapi.Note(r.Context()))
		httpapi.Answer(w, http.StatusOK, struct{}{})
		return nil
	})
	serve(rt, form(""))
	var aws struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []contract.Metric
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("log line %q: %v", log, err)
	}
	if err := json.Unmarshal(log.Bytes(), &aws); err != nil || len(aws.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("log line %q: %v, want one directive", log, err)
	}
	directive := aws.AWS.CloudWatchMetrics[0]
	if want := [][]string{{contract.DimensionStage, contract.DimensionRoute}}; directive.Namespace != contract.MetricNamespace ||
		!reflect.DeepEqual(directive.Dimensions, want) {
		t.Errorf("directive = %+v, want the namespace %s and the dimensions %v", directive, contract.MetricNamespace, want)
	}
	return line, directive.Metrics
}

// numbers are the fields of an entry that are numbers and no HTTP status, by the names
// that they have in a log line.
func numbers(e *httpapi.LogEntry) map[string]reflect.Value {
	all := map[string]reflect.Value{}
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if f := v.Field(i); (f.CanInt() || f.CanFloat()) && name != "status" {
			all[name] = f
		}
	}
	return all
}

// TestMetricsOfTheContractAreLogged: each metric of the contract is a number of the log
// line under its own name, and no number is anything else. A request declares the
// metrics of every request, and of the rare ones those that it counts, each with its
// unit.
func TestMetricsOfTheContractAreLogged(t *testing.T) {
	var names []string
	for _, m := range contract.Metrics {
		names = append(names, m.Name)
		var want []contract.Metric
		for _, other := range contract.Metrics {
			if !other.Rare || other.Name == m.Name {
				want = append(want, contract.Metric{Name: other.Name, Unit: other.Unit})
			}
		}
		line, declared := logged(t, func(e *httpapi.LogEntry) {
			if f, ok := numbers(e)[m.Name]; ok && m.Rare {
				f.SetInt(1)
			}
		})
		if _, ok := line[m.Name].(float64); !ok {
			t.Errorf("metric %s has no number in the log line %v", m.Name, line)
		}
		if !slices.Equal(declared, want) {
			t.Errorf("a request with %s declares %v, want %v", m.Name, declared, want)
		}
	}
	var logged []string
	for name := range numbers(&httpapi.LogEntry{}) {
		logged = append(logged, name)
	}
	listtest.Agree(t, "contract.Metrics", names, "httpapi.LogEntry", logged)
	listtest.Agree(t, "contract.Metrics", names, "the constants of the contract", constants(t))
}

// constants are the names of metrics that the contract has constants for.
func constants(t *testing.T) []string {
	t.Helper()
	var names []string
	for name, value := range listtest.Constants(t, "../contract", "") {
		if strings.HasPrefix(name, "contract.Metric") && name != "contract.MetricNamespace" {
			names = append(names, value)
		}
	}
	return names
}
