package functions_test

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// largestOfAll is the maximum size of any arm64 bootstrap in bytes. largest lists lower limits
// for some, because size costs start time.
const largestOfAll = 14_000_000

var largest = map[string]int{
	contract.Health.Name:     6_300_000,
	contract.Introspect.Name: 8_400_000,
	contract.Token.Name:      9_500_000,
	contract.Refresh.Name:    8_900_000,
	contract.Login.Name:      15_000_000,
	contract.Account.Name:    15_500_000,
	contract.Enroll.Name:     15_500_000,
}

// TestBinaries builds the deployed binaries twice, here and in a copy of the tree in another
// folder. Each pair is identical byte for byte. So a deployment replaces exactly the functions
// with changed code, and a user can check that a binary comes from this source.
func TestBinaries(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	for _, name := range []string{"functions", "shared", "Makefile"} {
		copyTree(t, filepath.Join(root, name), filepath.Join(elsewhere, name))
	}
	build(t, root)
	build(t, elsewhere)

	for _, f := range contract.Functions() {
		name := filepath.Join("bin", "arm64", f.Name, "bootstrap")
		here, there := read(t, filepath.Join(root, name)), read(t, filepath.Join(elsewhere, name))
		if !bytes.Equal(here, there) {
			t.Errorf("%s: %d bytes built here, %d built in another folder, and they differ", name, len(here), len(there))
		}
		if bar := cmp.Or(largest[f.Name], largestOfAll); len(here) > bar {
			t.Errorf("%s has %d bytes, want at most %d; what came in? go list -tags "+tags+" -deps ./functions/%s", name, len(here), bar, f.Name)
		}
		t.Logf("%-12s %5.2f MB", f.Name, float64(len(here))/1e6)
	}
}

// build runs the Makefile, which holds the flags of the deployed binaries.
func build(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("make", "-C", dir, "bin/arm64/.built")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") })
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// copyTree copies a file or a folder with its content.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatalf("copy %s: %v", from, err)
		}
		return
	}
	if err := os.WriteFile(to, read(t, from), 0o600); err != nil {
		t.Fatal(err)
	}
}
