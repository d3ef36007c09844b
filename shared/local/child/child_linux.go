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

// signalGroup sends a signal to the whole process group of the child. The group
// id cannot belong to another group: the leader has not been waited for yet.
func signalGroup(p *os.Process, s syscall.Signal) error { return syscall.Kill(-p.Pid, s) }

// fork starts cmd from one thread that never ends. The kernel sends the signal
// of Pdeathsig when the thread that forked ends, not when its process ends. The
// Go runtime ends idle threads at any time, so a child of another thread could be
// killed during its work.
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

// Alive reports whether a process with this id runs. A zombie does not run.
func Alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state follows the name of the program. The name may contain brackets.
	_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return len(state) > 0 && state[0] != 'Z' && state[0] != 'X'
}
