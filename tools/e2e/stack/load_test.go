package stack_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// TestManyAtOnce: 200 parallel token requests, to functions that have not started yet,
// all succeed with different tokens.
func TestManyAtOnce(t *testing.T) {
	s, _ := start(t)
	const clients = 200
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		issued = map[string]bool{}
	)
	for range clients {
		all.Go(func() {
			a, err := send(t.Context(), s, "/token", fixture.Machine, orders)
			if err != nil || a.status != http.StatusOK {
				t.Errorf("one of %d token requests = %d %v (%v), want 200", clients, a.status, a.object, err)
				return
			}
			value, _ := a.object["access_token"].(string)
			mu.Lock()
			defer mu.Unlock()
			issued[value] = true
		})
	}
	all.Wait()
	if len(issued) != clients {
		t.Errorf("%d clients got %d different tokens, want as many", clients, len(issued))
	}
	reads, processes := s.Calls("token").Calls["secretsmanager:GetSecretValue"], len(s.PIDs("token"))
	if reads == 0 || reads > processes {
		t.Errorf("%d processes read the secret %d times, want once each", processes, reads)
	}
}
