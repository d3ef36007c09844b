package stack_test

import (
	"slices"
	"syscall"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// Lambda sends SIGTERM to a function that has an extension beside it. The
// deployed binaries go on and lose no request.
func TestSIGTERMLosesNoRequest(t *testing.T) {
	s, _ := start(t)
	post(t, s, "/token", fixture.Machine, orders)
	before := s.PIDs("token")
	for range 20 {
		for _, pid := range before {
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		if a := post(t, s, "/token", fixture.Machine, orders); a.status != 200 {
			t.Fatalf("token request after SIGTERM = %d %v, want 200", a.status, a.object)
		}
	}
	if after := s.PIDs("token"); !slices.Equal(before, after) {
		t.Errorf("processes = %v, want %v still", after, before)
	}
}
