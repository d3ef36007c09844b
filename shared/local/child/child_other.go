//go:build !linux

package child

import (
	"os"
	"os/exec"
	"syscall"
)

// Outside Linux no kernel ties a child to its parent. A function notices by
// itself that its Runtime API is gone and exits; the engine stays until it is
// stopped by hand, and its lock names it.
func attributes() *syscall.SysProcAttr { return nil }

func signalGroup(p *os.Process, s syscall.Signal) error { return p.Signal(s) }

func fork(cmd *exec.Cmd) error { return cmd.Start() }

// Alive reports whether a process with that id runs.
func Alive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}
