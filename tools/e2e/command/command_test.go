// Package command_test follows the README with the real programs: `tipstaff run` in
// a checkout, the commands that it prints, the unchanged snippets of the document,
// and the state after a kill -9.
package command_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// checkout makes a folder that looks like the checkout, with separate data.
func checkout(t *testing.T) string {
	t.Helper()
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"bin", "infra", "node_modules"} {
		if err := os.Symlink(filepath.Join(top, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// running is a `tipstaff run` process, with its output until it served.
type running struct {
	process *os.Process
	said    string
	url     string
}

// run runs the stack in dir, on a free port, until t ends or the test kills it.
func run(t *testing.T, dir string) *running {
	t.Helper()
	return runOn(t, dir, "0")
}

func runOn(t *testing.T, dir, port string) *running {
	t.Helper()
	cmd := exec.Command(filepath.Join(dir, "bin", "tipstaff"), "run", "--port", port)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (make build builds it): %v", cmd.Args, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // fails if the test killed it
		_ = cmd.Wait()
	})

	r := &running{process: cmd.Process}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		r.said += lines.Text() + "\n"
		if m := serves.FindStringSubmatch(lines.Text()); m != nil {
			r.url = m[1]
		}
		if lastCommand.MatchString(lines.Text()) {
			go drain(lines)
			return r
		}
	}
	t.Fatalf("tipstaff run ended after saying:\n%s", r.said)
	return nil
}

func drain(lines *bufio.Scanner) {
	for lines.Scan() {
	}
}

var (
	serves      = regexp.MustCompile(`^(http://localhost:\d+) serves`)
	lastCommand = regexp.MustCompile(`^curl .*/jwks$`)
)

// shell runs a script as a newcomer would paste it and returns what it prints.
func shell(t *testing.T, dir, script string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return string(out), err
}

// TestPrintedCommands pastes the commands that a start prints.
func TestPrintedCommands(t *testing.T) {
	dir := checkout(t)
	r := run(t, dir)
	var commands []string
	for line := range strings.Lines(r.said) {
		if strings.HasPrefix(line, "curl ") {
			commands = append(commands, line)
		}
	}
	want := []string{`"access_token":`, `"active":true`, `"refresh_token":`, `"refresh_token":`, `"keys":`}
	if len(commands) != len(want) {
		t.Fatalf("%d commands are printed, want %d:\n%s", len(commands), len(want), r.said)
	}
	for i, command := range commands {
		if out, err := shell(t, dir, command); err != nil || !strings.Contains(out, want[i]) {
			t.Errorf("%s printed %q (%v), want %s in it", command, out, err, want[i])
		}
	}
}
