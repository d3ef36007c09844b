// Package child runs other programs as true children: they live no longer than
// we do, whatever happens to us.
//
// The local stack is one process that starts several others, the database
// engine and the functions. Each of them gets four promises here. It dies when
// its parent dies, even of kill -9 (on Linux the kernel is asked to see to
// it). It sits in a process group of its own, so that Ctrl-C reaches the
// parent alone, which then stops everything in its own order. Whatever it
// prints goes to one writer line by line, and the last lines are kept, because
// "exit status 1" explains nothing. And it is always waited for.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Command says what to run. Only Path is required.
type Command struct {
	Path string
	Args []string
	Dir  string
	// Env is the whole environment, as KEY=value. Nothing of ours is added.
	Env []string
	// Log receives what the child prints on both streams, in whole lines.
	Log io.Writer
	// Files are open in the child from descriptor 3 on.
	Files []*os.File
}

// Process is a running or ended child.
type Process struct {
	cmd  *exec.Cmd
	tail *tail
	done chan struct{}
	err  error
}

// drain is how long the output of an ended child may still arrive. Only a
// grandchild that keeps the pipe open ever uses it up.
const drain = 200 * time.Millisecond

// Start runs c. The error names the program.
func Start(c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...) //nolint:noctx // a child outlives the call that starts it; Stop and Kill end it
	p := &Process{cmd: cmd, tail: newTail(c.Log), done: make(chan struct{})}
	p.cmd.Dir = c.Dir
	p.cmd.Env = c.Env
	if p.cmd.Env == nil {
		p.cmd.Env = []string{}
	}
	p.cmd.ExtraFiles = c.Files
	p.cmd.Stdout, p.cmd.Stderr = p.tail, p.tail
	p.cmd.WaitDelay = drain
	p.cmd.SysProcAttr = attributes()
	if err := fork(p.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		p.tail.flush()
		close(p.done)
	}()
	return p, nil
}

// PID is the process id, also after the end.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended and all it printed was logged.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended: nil for status 0. It waits for the end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Lines returns the last lines that the child printed, oldest first.
func (p *Process) Lines() []string { return p.tail.Lines() }

// Kill ends the child and everything it started, at once, and waits.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the child to end and kills it when ctx is done first. It returns
// when the child has ended; calling it again does nothing.
func (p *Process) Stop(ctx context.Context) {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
	}
}

func (p *Process) signal(s syscall.Signal) {
	select {
	case <-p.done: // The id may belong to somebody else by now.
		return
	default:
	}
	// A process that ended meanwhile is what we wanted.
	if err := signalGroup(p.cmd.Process, s); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		_ = p.cmd.Process.Kill()
	}
}
