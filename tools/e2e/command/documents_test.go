package command_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the checkout, seen from this package.
const root = "../../.."

// TestLinks follows every relative link of every document.
func TestLinks(t *testing.T) {
	documents, err := filepath.Glob(root + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"/docs/*.md", "/docs/*/*.md"} {
		more, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, more...)
	}
	followed := 0
	for _, document := range documents {
		for _, m := range link.FindAllStringSubmatch(read(t, document), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			followed++
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", document, m[1])
			}
		}
	}
	if followed < 10 {
		t.Errorf("%d links in %d documents, want more: does this test still find them?", followed, len(documents))
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)

// TestDependenciesAreExplained: docs/dependencies.md has a line for every direct
// dependency on a Go module or an npm package.
func TestDependenciesAreExplained(t *testing.T) {
	explained := read(t, root+"/docs/dependencies.md")
	chosen := 0
	want := func(name, where string) {
		chosen++
		if !strings.Contains(explained, "`"+strings.TrimPrefix(name, "github.com/")+"`") {
			t.Errorf("%s of %s has no line in docs/dependencies.md", name, where)
		}
	}
	for _, module := range []string{"shared/contract", "shared", "functions", "infra", "tools"} {
		out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", filepath.Join(root, module, "go.mod")).Output()
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Require []struct {
				Path     string
				Indirect bool
			}
		}
		if err := json.Unmarshal(out, &file); err != nil {
			t.Fatal(err)
		}
		for _, r := range file.Require {
			if !r.Indirect && !strings.HasPrefix(r.Path, "github.com/tipstaff/") {
				want(r.Path, module)
			}
		}
	}
	var packages struct{ DevDependencies, OptionalDependencies map[string]string }
	if err := json.Unmarshal([]byte(read(t, root+"/package.json")), &packages); err != nil {
		t.Fatal(err)
	}
	for _, group := range []map[string]string{packages.DevDependencies, packages.OptionalDependencies} {
		for name := range group {
			want(name, "package.json")
		}
	}
	if chosen < 5 {
		t.Errorf("%d dependencies, want more: does this test still find them?", chosen)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
