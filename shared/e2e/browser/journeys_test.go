package browser_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

// password is everybody's.
const password = "seven green kettles whistle"

// people is how many may go on a journey.
const people = 20

// TestJourneys sends people through the running stack.
func TestJourneys(t *testing.T) {
	s := start(t)
	names := []string{stranger}
	for i := range people {
		names = append(names, fmt.Sprintf("ada%d", i))
	}
	s.register(t, names...)
	clock := httptest.NewServer(s.clock)
	defer clock.Close()
	var results []struct{ Name, Failure string }
	script(t, "journeys.mjs", map[string]any{
		"base": s.BaseURL(), "clock": clock.URL, "elsewhere": otherSite(t, s.BaseURL()),
		"people": names[1:], "password": password, "stranger": stranger,
	}, &results)
	if len(results) == 0 {
		t.Fatal("nobody went anywhere")
	}
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			if r.Failure != "" {
				t.Error(r.Failure)
			}
		})
	}
	s.judge(t)
}
