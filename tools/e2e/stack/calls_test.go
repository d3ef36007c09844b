package stack_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// TestCallsOfAWarmFunction: the AWS calls of a request are bounded once the function
// has cached its client. The local IAM check and the log both count them.
func TestCallsOfAWarmFunction(t *testing.T) {
	s, _ := start(t)
	issued := token(t, s)
	active(t, s, issued)
	get(t, s.BaseURL()+"/jwks")

	const requests = 20
	for _, tt := range []struct {
		function contract.Function
		request  func()
		most     int // calls per request
	}{
		{contract.Token, func() { token(t, s) }, 0},
		{contract.Introspect, func() { active(t, s, issued) }, 1},
		{contract.JWKS, func() { get(t, s.BaseURL()+"/jwks") }, 0},
		{contract.Discovery, func() { get(t, s.BaseURL()+contract.Discovery.Path()) }, 0},
		{contract.Health, func() { get(t, s.BaseURL()+"/health") }, 0},
	} {
		before, earlier := s.Calls(tt.function.Name), len(logged(t, s, tt.function.Name))
		for range requests {
			tt.request()
		}
		made := s.Calls(tt.function.Name).Since(before)
		if made.Total() > tt.most*requests {
			t.Errorf("%d warm requests of %s made %d calls %v, want at most %d each", requests, tt.function.Name, made.Total(), slices.Sorted(maps.Keys(made.Calls)), tt.most)
		}
		calls := 0
		for _, line := range logged(t, s, tt.function.Name)[earlier:] {
			n, _ := line["Calls"].(float64)
			calls += int(n)
		}
		if calls != made.Total() {
			t.Errorf("%s logged %d calls and made %d", tt.function.Name, calls, made.Total())
		}
	}
}

// logged returns the request lines of a function once every invocation has its line.
// A line may be written after the answer.
func logged(t *testing.T, s *fixture.Stack, function string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	eventually(t, "every request of "+function+" is in its log", func() bool {
		lines = s.Logs.Requests(function)
		return int64(len(lines)) == s.Invocations(function)
	})
	return lines
}

func get(t *testing.T, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("GET %s = %d, want 200", url, res.StatusCode)
	}
}
