// Package lock keeps two processes from using one file or folder at the same
// time.
//
// A lock is a file that the kernel locks (flock) and that names its holder. The
// kernel unlocks it when the last process that has the file open ends. So a crash
// leaves no lock behind. A child process that inherits the file holds the lock
// until it ends too.
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

// HeldError is returned when another process holds the lock.
type HeldError struct {
	Path string
	// PID is the process id in the file. It is 0 when the file has none.
	PID int
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is locked by another process", e.Path)
	}
	return fmt.Sprintf("%s is locked by process %d", e.Path, e.PID)
}

// Take takes the lock at path and writes the process id into it. It creates a
// missing file. When another process holds the lock, the error is a [HeldError].
func Take(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err // The *PathError names the path.
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

// Name writes into the file which process holds the lock.
func (l *Lock) Name(pid int) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	return err
}

// File is the locked file. A child that inherits it holds the lock too.
func (l *Lock) File() *os.File { return l.file }

// Release closes the file in this process. It does not remove the file, because
// then two processes could lock two files with the same name.
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
