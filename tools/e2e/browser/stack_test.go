package browser_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// root is the path from this package to the root of the repository.
const root = "../../.."

// site is a running stack with a clock that scripts move on.
type site struct {
	*fixture.Stack
	clock *clock
}

// start starts a stack for t.
func start(t *testing.T) *site {
	t.Helper()
	c := &clock{}
	s, err := fixture.Start(t.Context(), fixture.Options{Root: root, Dir: t.TempDir(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &site{s, c}
}

// check looks at the traces of the journeys. A call that the role of a function does not
// allow, or a password in a log, fails the test.
func (s *site) check(t *testing.T) {
	t.Helper()
	for _, r := range s.Report().Refused {
		t.Errorf("the wall refused %s the call %s on %s: %s", r.Function, r.Action, r.Resource, r.Reason)
	}
	for function, text := range s.Logs.All() {
		if strings.Contains(text, password) {
			t.Errorf("the log of %s has a password in it", function)
		}
	}
}

// register adds people, all with the same password.
func (s *site) register(t *testing.T, userNames ...string) {
	t.Helper()
	for _, name := range userNames {
		cmd := exec.CommandContext(t.Context(), filepath.Join(root, "bin", "tipstaff"), "user", "add", name, "--dir", s.Dir())
		cmd.Stdin = strings.NewReader(password)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v (make build builds it): %v\n%s", cmd.Args, err, out)
		}
	}
}
