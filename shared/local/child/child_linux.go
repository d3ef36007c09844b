package child

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signalGroup signals the child's whole group. The leader is not yet waited
// for when we get here, or is just being, so its group id is not reused.
func signalGroup(p *os.Process, s syscall.Signal) error { return syscall.Kill(-p.Pid, s) }

// fork starts cmd from one thread that never ends. The kernel sends the death
// signal when the *thread* that forked is gone, and the Go runtime ends idle
// threads as it likes: a child forked from any other thread could be killed in
// the middle of its work.
func fork(cmd *exec.Cmd) error {
	forker.Do(func() {
		go func() {
			runtime.LockOSThread()
			for f := range forks {
				f.result <- f.cmd.Start()
			}
		}()
	})
	f := forking{cmd: cmd, result: make(chan error, 1)}
	forks <- f
	return <-f.result
}

type forking struct {
	cmd    *exec.Cmd
	result chan error
}

var (
	forker sync.Once
	forks  = make(chan forking)
)

// Alive reports whether a process with that id runs. One that ended but was
// not waited for does not.
func Alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state follows the program's name, which may itself hold brackets.
	_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return len(state) > 0 && state[0] != 'Z' && state[0] != 'X'
}
