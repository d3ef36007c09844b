package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/child"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

// command is the environment variable that turns the test binary into the tipstaff
// command.
const command = "TIPSTAFF_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(command) != "" {
		main()
		os.Exit(0)
	}
	localtest.Main(m)
}

// tipstaff is a process of the tipstaff command.
type tipstaff struct {
	*exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer
}

func tipstaffRun(t *testing.T, o local.Options, more ...string) *tipstaff {
	t.Helper()
	args := append([]string{"run", "--port", "0", "--stage", o.Stage, "--dir", o.Dir, "--templates", o.Templates, "--bin", o.Binaries}, more...)
	p := &tipstaff{Cmd: exec.Command(os.Args[0], args...)}
	// The race detector holds a process for a second at its end.
	p.Env = append(os.Environ(), command+"=1", "GORACE=atexit_sleep_ms=0")
	p.Stderr = &p.stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// serving waits until p reports that it serves, and returns its output and the base
// URL.
func (p *tipstaff) serving(t *testing.T) (said, url string) {
	t.Helper()
	for !strings.Contains(said, "/jwks\n") {
		line, err := p.out.ReadString('\n')
		said += line
		if err != nil {
			_ = p.Wait()
			t.Fatalf("it ended after saying %q and %q", said, p.stderr.String())
		}
		if u, _, ok := strings.Cut(line, " serves after "); ok {
			url = u
		}
	}
	return said, url
}

// end waits until the process ends and returns its exit status.
func (p *tipstaff) end(t *testing.T) int {
	t.Helper()
	_, _ = io.Copy(io.Discard, p.out)
	err := p.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// children are the processes that p started and that run.
func (p *tipstaff) children(t *testing.T) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // It ended.
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[1] == strconv.Itoa(p.Process.Pid) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

func expectGone(t *testing.T, pids []int) {
	t.Helper()
	until := time.Now().Add(2 * time.Second)
	for slices.ContainsFunc(pids, child.Alive) {
		if time.Now().After(until) {
			t.Fatalf("of the children %v some still run", pids)
		}
		time.Sleep(time.Millisecond)
	}
}
