package child_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/child"
)

// role names the variable that makes the test binary the parent of another
// program.
const role = "CHILD_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "parent" {
		p, err := child.Start(shell("sleep 60 & sleep 60"))
		if err != nil {
			panic(err)
		}
		fmt.Println(p.PID())
		select {}
	}
	os.Exit(m.Run())
}

func shell(script string) child.Command {
	return child.Command{Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")}}
}

func start(t *testing.T, c child.Command) *child.Process {
	t.Helper()
	p, err := child.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(5 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("after 5 s still not: %s", what)
		}
	}
}

func TestKilledParentLeavesNoChild(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), role+"=parent")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read the child's id: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !child.Alive(pid) {
		t.Fatalf("child %d does not run", pid)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, fmt.Sprintf("child %d is gone", pid), func() bool { return !child.Alive(pid) })
}

func TestChildOutlivesTheThreadThatAskedForIt(t *testing.T) {
	started := make(chan *child.Process)
	go func() {
		runtime.LockOSThread() // Ending while locked ends the thread.
		p, err := child.Start(shell("sleep 60"))
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	p := <-started
	defer p.Kill()
	select {
	case <-p.Done():
		t.Fatalf("the child ended with its thread: %v", p.Err())
	case <-time.After(100 * time.Millisecond):
	}
}

func TestOutputIsLoggedAndItsEndKept(t *testing.T) {
	var log bytes.Buffer
	c := shell("for i in $(seq 1 30); do echo out $i; done; printf 'no end' >&2; exit 3")
	c.Log = &log
	p := start(t, c)
	if err := p.Err(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("Err() = %v, want exit status 3", err)
	}
	lines := p.Lines()
	if len(lines) != 20 || lines[0] != "out 12" || lines[19] != "no end" {
		t.Errorf("Lines() = %q, want the last 20", lines)
	}
	if got := log.String(); !strings.HasPrefix(got, "out 1\nout 2\n") || !strings.HasSuffix(got, "out 30\nno end\n") {
		t.Errorf("the log holds %q", got)
	}
}

func TestChildInheritsNoVariable(t *testing.T) {
	t.Setenv("CHILD_TEST_SECRET", "x")
	p := start(t, child.Command{Path: "/usr/bin/env", Env: []string{"ONLY=this"}})
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if got, want := p.Lines(), []string{"ONLY=this"}; !slices.Equal(got, want) {
		t.Errorf("environment = %q, want %q", got, want)
	}
}

func TestStopAsksBeforeItKills(t *testing.T) {
	tests := []struct {
		name, script string
		end          string
	}{
		{"asked", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done", "exit status 7"},
		{"deaf", "trap '' TERM; echo ready; while :; do sleep 0.01; done", "signal: killed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, shell(tt.script))
			eventually(t, "the child is ready", func() bool { return len(p.Lines()) > 0 })
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			p.Stop(ctx)
			if err := p.Err(); err == nil || err.Error() != tt.end {
				t.Errorf("Err() = %v, want %s", err, tt.end)
			}
			if child.Alive(p.PID()) {
				t.Errorf("child %d still runs", p.PID())
			}
			p.Stop(ctx) // The second call must do nothing.
		})
	}
}

func TestKillReachesGrandchildren(t *testing.T) {
	p := start(t, shell("sleep 60 & echo $!; wait"))
	eventually(t, "the grandchild runs", func() bool { return len(p.Lines()) > 0 })
	grandchild, err := strconv.Atoi(p.Lines()[0])
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	eventually(t, "the grandchild is gone", func() bool { return !child.Alive(grandchild) })
}

func TestFilesAreOpenFromThree(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := shell("echo hello >&3")
	c.Files = []*os.File{w}
	p := start(t, c)
	_ = w.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != "hello\n" {
		t.Errorf("descriptor 3 carried %q, %v, want hello", got, err)
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

func TestErrorNamesTheMissingProgram(t *testing.T) {
	_, err := child.Start(child.Command{Path: "/no/such/program"})
	if err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("Start = %v, want an error that names the program", err)
	}
}
