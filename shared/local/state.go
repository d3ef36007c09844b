package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tipstaff/tipstaff/shared/local/child"
)

// DefaultDir is the folder of the local stack, relative to the checkout.
const DefaultDir = ".local"

// State describes a running stack to other commands. It is in the file state.json in
// the folder of the stack. The stack removes the file when it stops.
type State struct {
	// URL is the base URL of the HTTP API and the issuer.
	URL string `json:"url"`
	// DynamoDB and SecretsManager are the endpoints for operators. No role limits
	// the calls.
	DynamoDB       string `json:"dynamodb"`
	SecretsManager string `json:"secretsmanager"`
	// Region and Stage are those of the templates that run.
	Region string `json:"region"`
	Stage  string `json:"stage"`
	// Mail is the destination of mail, as contract.ParseMail reads it.
	Mail string `json:"mail"`
	// PID is the process that runs the stack.
	PID int `json:"pid"`
}

// ErrNotRunning is returned when no stack runs in the folder.
var ErrNotRunning = errors.New("no local stack is running here; start it with `make run`")

func statePath(dir string) string { return filepath.Join(dir, "state.json") }

// ReadState returns the state of the stack that runs in dir. When none runs, the error
// is [ErrNotRunning], also when a stack that was killed left its file behind.
func ReadState(dir string) (State, error) {
	var s State
	data, err := os.ReadFile(statePath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return s, ErrNotRunning
	}
	if err != nil {
		return s, fmt.Errorf("read the state of the local stack: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read the state of the local stack in %s: %w", statePath(dir), err)
	}
	if !child.Alive(s.PID) {
		return State{}, ErrNotRunning
	}
	return s, nil
}

// write replaces the file in one step, so a reader never finds half of it.
func (s State) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return Replace(statePath(dir), append(data, '\n'))
}

// Replace writes a file that only its owner may read. A reader finds all of the old or
// all of the new content.
func Replace(path string, data []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
