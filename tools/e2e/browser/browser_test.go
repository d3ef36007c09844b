// Package browser_test looks at the pages in a real browser, as people do.
//
// The gallery shows every page in every state, and axe-core and a few rules of our own
// find what is wrong with it. The journeys go through the running local stack. Most run
// with JavaScript switched off, because no page but those of passkeys needs it.
//
// The browser is Chromium as Debian packages it. Without it the tests fail: they are
// never skipped.
package browser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// chromium returns the path of the browser: the variable CHROMIUM, or the first one on
// the PATH.
func chromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("CHROMIUM names no program: %w", err)
		}
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no Chromium: apt-get install chromium, or name one in the variable CHROMIUM")
}

// script runs a Node script with its input as JSON and reads its findings.
func script(t *testing.T, name string, given map[string]any, found any) {
	t.Helper()
	browser, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	given["chromium"] = browser
	input, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", name)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s (npm ci installs what it needs): %v\n%s", name, err, stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), found); err != nil {
		t.Fatalf("node %s printed %q: %v", name, stdout.String(), err)
	}
}
