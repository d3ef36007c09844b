package command_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityTestsExist: each row of docs/security-tests.md names tests, and each of
// these tests exists.
func TestSecurityTestsExist(t *testing.T) {
	rows := 0
	for line := range strings.Lines(read(t, root+"/docs/security-tests.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 2 || !strings.HasPrefix(line, "| ") || !strings.Contains(cells[1], "`") {
			continue
		}
		rows++
		named := securityTest.FindAllStringSubmatch(cells[1], -1)
		if len(named) == 0 || len(named) != strings.Count(cells[1], "`")/2 {
			t.Errorf("%q names no test, or something else beside", line)
		}
		for _, m := range named {
			if !declares(t, filepath.Join(root, "shared", filepath.FromSlash(m[1])), m[2]) && !declares(t, filepath.Join(root, "tools", filepath.FromSlash(m[1])), m[2]) {
				t.Errorf("%s.%s is named and not there", m[1], m[2])
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows, want more: does this test still find them?", rows)
	}
}

// securityTest matches a test: the folder of its package, and its name.
var securityTest = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)`")

// declares reports whether a package has a test of that name.
func declares(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t") || strings.Contains(string(text), "\nfunc "+name+"(f") {
			return true
		}
	}
	return false
}
