package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

const (
	// EnvEndpoint is the variable with the URL of a running server of the
	// DynamoDB protocol.
	EnvEndpoint = "DYNAMODB_ENDPOINT"
	// EnvBinary is the variable with the path of the binary of the engine.
	EnvBinary = "DYNOXIDE_BIN"
)

const program = "dynoxide"

// MissingError is returned when no engine is found. Its text tells how to get one.
type MissingError struct {
	// Package is the npm package with the binary for this machine.
	Package string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("there is no database engine: run `npm ci` in the checkout (it installs %s), "+
		"or name the binary in %s, or put %s on the PATH, "+
		"or name the URL of a running one in %s (AWS's DynamoDB Local works too)",
		e.Package, EnvBinary, program, EnvEndpoint)
}

// Find returns the path of the binary of the engine. It looks in [EnvBinary], then
// in the nearest node_modules at or above the working directory, then in the
// PATH. When there is none, the error is a [MissingError].
func Find() (string, error) {
	if path := os.Getenv(EnvBinary); path != "" {
		if err := executable(path); err != nil {
			return "", fmt.Errorf("%s does not name an engine: %w", EnvBinary, err)
		}
		return path, nil
	}
	pkg := filepath.Join("@dynoxide", platform())
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the database engine: %w", err)
	}
	for {
		path := filepath.Join(dir, "node_modules", pkg, program)
		if executable(path) == nil {
			return path, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return "", &MissingError{Package: filepath.ToSlash(pkg)}
}

// platform is the name of this machine in npm.
func platform() string {
	cpu := runtime.GOARCH
	if cpu == "amd64" {
		cpu = "x64"
	}
	return runtime.GOOS + "-" + cpu
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return &fs.PathError{Op: "execute", Path: path, Err: errors.New("not an executable file")}
	}
	return nil
}
