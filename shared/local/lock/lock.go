// Package lock keeps two processes from using one thing at the same time.
//
// A lock is a file that the kernel locks for us (flock) and that names its
// holder. The kernel lets go when the last process that has the file open is
// gone, so a crash never leaves a lock behind, and a child that is handed the
// file keeps the lock until it, too, is gone.
package lock

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Lock is a held lock.
type Lock struct{ file *os.File }

// HeldError says that another process holds the lock.
type HeldError struct {
	Path string
	// PID is the process that said it holds the lock, 0 when it did not say.
	PID int
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is locked by another process", e.Path)
	}
	return fmt.Sprintf("%s is locked by process %d", e.Path, e.PID)
}

// Take takes the lock at path, creating the file when it is missing, and
// writes our process id into it. When another process has it, the error is a
// *HeldError.
func Take(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err // A *PathError says all there is to say.
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer f.Close()
		return nil, &HeldError{Path: path, PID: readPID(path)}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &Lock{file: f}
	if err := l.Name(os.Getpid()); err != nil {
		l.Release()
		return nil, err
	}
	return l, nil
}

// Name writes which process holds the lock.
func (l *Lock) Name(pid int) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	return err
}

// File is the locked file, to be handed to a child.
func (l *Lock) File() *os.File { return l.file }

// Release gives our part of the lock back. The file stays: removing it would
// let two processes lock two files of one name.
func (l *Lock) Release() { _ = l.file.Close() }

func readPID(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}
