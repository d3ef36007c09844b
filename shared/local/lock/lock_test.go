package lock_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/lock"
)

func TestLockHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := lock.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lock.Take(path)
	held, ok := errors.AsType[*lock.HeldError](err)
	if !ok || held.PID != os.Getpid() || !strings.Contains(held.Error(), path) {
		t.Fatalf("second Take = %v, want a HeldError that names %s and process %d", err, path, os.Getpid())
	}
	if err := first.Name(4711); err != nil {
		t.Fatal(err)
	}
	if _, err = lock.Take(path); !errors.As(err, &held) || held.PID != 4711 {
		t.Errorf("Take after Name(4711) = %v, want process 4711", err)
	}
	first.Release()
	second, err := lock.Take(path)
	if err != nil {
		t.Fatalf("Take after Release = %v", err)
	}
	second.Release()
}

func TestLockInAMissingFolderIsRefused(t *testing.T) {
	if _, err := lock.Take(filepath.Join(t.TempDir(), "missing", "lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Take in a missing folder = %v, want ErrNotExist", err)
	}
}
