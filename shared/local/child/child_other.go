//go:build !linux

package child

import (
	"os"
	"os/exec"
	"syscall"
)

// attributes returns nothing: only Linux can end a child with its parent. On
// other systems a function exits when its Runtime API does not answer any more.
// The engine continues to run, and its lock names its process id.
func attributes() *syscall.SysProcAttr { return nil }

func signalGroup(p *os.Process, s syscall.Signal) error { return p.Signal(s) }

func fork(cmd *exec.Cmd) error { return cmd.Start() }

// Alive reports whether a process with this id runs.
func Alive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}
