package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/engine"
)

func binary(t *testing.T, elements ...string) string {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each step removes the better place.
func TestEngineIsFoundInTheBestPlace(t *testing.T) {
	cpu := strings.Replace(runtime.GOARCH, "amd64", "x64", 1)
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	named := binary(t, root, "named", "engine")
	module := binary(t, root, "checkout", "node_modules", "@dynoxide", runtime.GOOS+"-"+cpu, "dynoxide")
	onPath := binary(t, root, "bin", "dynoxide")
	below := filepath.Join(root, "checkout", "shared", "local")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	t.Setenv("PATH", filepath.Dir(onPath))

	for _, want := range []string{named, module, onPath} {
		t.Setenv(engine.EnvBinary, "")
		if want == named {
			t.Setenv(engine.EnvBinary, named)
		}
		if got, err := engine.Find(); got != want || err != nil {
			t.Errorf("Find() = %q, %v, want %q", got, err, want)
		}
		if err := os.Remove(want); err != nil {
			t.Fatal(err)
		}
	}
	_, err = engine.Find()
	if _, missing := errors.AsType[*engine.MissingError](err); !missing {
		t.Fatalf("Find() = %v, want a MissingError", err)
	}
	for _, way := range []string{"npm ci", "@dynoxide/", engine.EnvBinary, engine.EnvEndpoint, "DynamoDB Local", "PATH"} {
		if !strings.Contains(err.Error(), way) {
			t.Errorf("the error %q does not mention %q", err, way)
		}
	}
}

func TestWrongNameOfTheEngineIsNotSkipped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(engine.EnvBinary, path)
	if got, err := engine.Find(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Find() = %q, %v, want an error that names %s", got, err, path)
	}
}
