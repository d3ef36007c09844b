// Package child runs other programs as child processes that end with their
// parent.
//
// The local stack is one process that starts several others: the database engine
// and the functions. This package promises the following for each child:
//
//   - It ends when its parent ends, also after kill -9. On Linux the kernel does
//     this.
//   - It has a process group of its own. Ctrl-C reaches only the parent, which
//     then stops its children in the right order.
//   - Its output goes to one writer, line by line. The last lines are kept,
//     because "exit status 1" explains nothing.
//   - The parent waits for it, so it never becomes a zombie.
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

// Command describes the program to run. Only Path is required.
type Command struct {
	Path string
	Args []string
	Dir  string
	// Env is the whole environment, as KEY=value. The child inherits no other
	// variable.
	Env []string
	// Log receives standard output and standard error, in whole lines.
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

// drain is how long Start reads the output of a child that has ended. Reading
// takes that long only when a grandchild keeps the pipe open.
const drain = 200 * time.Millisecond

// Start starts the program. An error names it.
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

// PID returns the process id, also after the end.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done returns a channel that is closed when the child has ended and its output
// is in the log.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the end and returns how the child ended. It is nil for status 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Lines returns the last 20 lines of the output, oldest first.
func (p *Process) Lines() []string { return p.tail.Lines() }

// Kill ends the child and the processes that it started, and waits for its end.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the child to end, and kills it when ctx is done first. It returns
// when the child has ended. A second call does nothing.
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
	case <-p.done: // The id may belong to another process now.
		return
	default:
	}
	// A process that has just ended is no error.
	if err := signalGroup(p.cmd.Process, s); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
		_ = p.cmd.Process.Kill()
	}
}
