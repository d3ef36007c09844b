package command_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snippet matches a marked code block of the README.
var snippet = regexp.MustCompile("(?s)<!-- run: (\\w+) -->\n```\\w+\n(.*?)```\n")

// TestREADME runs the snippets of the README as they stand there, beside a
// running stack.
func TestREADME(t *testing.T) {
	snippets := map[string]string{}
	for _, m := range snippet.FindAllStringSubmatch(read(t, root+"/README.md"), -1) {
		snippets[m[1]] = m[2]
	}
	dir := checkout(t)
	run(t, dir)
	for _, tt := range []struct {
		block string
		want  []string
		run   func(t *testing.T, dir, code string) (string, error)
	}{
		{"sh", []string{`"active":true`, `"client_id":"demo"`, `"keys":`}, shell},
		{"people", []string{`"active":true`, `"client_id":"demo-app"`, `"sid":`, `{"active":false}`}, shell},
		{"go", []string{"called by demo"}, runGo},
		{"js", []string{"called by demo"}, runNode},
	} {
		t.Run(tt.block, func(t *testing.T) {
			code, ok := snippets[tt.block]
			if !ok {
				t.Fatalf("README.md has no block marked <!-- run: %s -->", tt.block)
			}
			out, err := tt.run(t, dir, code)
			if err != nil {
				t.Fatalf("%v\n%s", err, code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("the snippet printed %q, want %s in it", out, want)
				}
			}
		})
	}
}

// runGo runs a program with the modules that Tipstaff itself has.
func runGo(t *testing.T, dir, code string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, file)
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return string(out), err
	}
	return shell(t, dir, ". .local/demo.env; "+program)
}

// runNode runs a module with the packages of package.json.
func runNode(t *testing.T, dir, code string) (string, error) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "snippet.mjs"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return shell(t, dir, ". .local/demo.env; node snippet.mjs")
}
