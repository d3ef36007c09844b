package command_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// snippet matches a marked code block of the README.
var snippet = regexp.MustCompile("(?s)<!-- run: (\\w+) -->\n```\\w+\n(.*?)```\n")

// TestREADME runs the unchanged snippets of the README against a running stack.
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
		{"signin", []string{"signed in: Demo usr_"}, signIn},
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

// runGo runs a program with the modules of Tipstaff.
func runGo(t *testing.T, dir, code string) (string, error) {
	t.Helper()
	program, out, err := buildGo(t, code)
	if err != nil {
		return out, err
	}
	return shell(t, dir, ". .local/demo.env; "+program)
}

// signIn runs a program that prints an address, and visits it as the demo user.
func signIn(t *testing.T, dir, code string) (string, error) {
	t.Helper()
	program, out, err := buildGo(t, code)
	if err != nil {
		return out, err
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", ". .local/demo.env; exec "+program)
	cmd.Dir = dir
	var rest, complaints strings.Builder
	cmd.Stderr = &complaints
	printed, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(printed)
	if !lines.Scan() {
		return complaints.String(), cmd.Wait()
	}
	address := lines.Text()
	user, err := shell(t, dir, ". .local/demo.env; echo $ISSUER $USER_NAME $USER_PASSWORD")
	if err != nil {
		return user, err
	}
	who := strings.Fields(user)
	visitor := &person.Person{Issuer: who[0], UserName: who[1], Password: who[2]}
	arrived, err := visitor.Visit(t.Context(), address)
	if err != nil {
		return "", err
	}
	if len(arrived.Trail) != 2 {
		t.Errorf("the pages on the way were %q, want a sign-in and a question", arrived.Trail)
	}
	back, err := http.Get(arrived.URL + "?" + arrived.Form.Encode())
	if err != nil {
		return "", err
	}
	if back.StatusCode != http.StatusOK {
		t.Errorf("the program answers the browser with %d", back.StatusCode)
	}
	if err := back.Body.Close(); err != nil {
		return "", err
	}
	for lines.Scan() {
		rest.WriteString(lines.Text() + "\n")
	}
	return rest.String() + complaints.String(), cmd.Wait()
}

// buildGo builds a program and returns its path, or the output of the compiler.
func buildGo(t *testing.T, code string) (program, out string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(t.TempDir(), "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, file)
	build.Env = append(os.Environ(), "GOWORK=off")
	text, err := build.CombinedOutput()
	return program, string(text), err
}

// runNode runs a module with the packages of package.json.
func runNode(t *testing.T, dir, code string) (string, error) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "snippet.mjs"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return shell(t, dir, ". .local/demo.env; node snippet.mjs")
}
