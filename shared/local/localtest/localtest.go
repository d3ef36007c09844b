// Package localtest is a small stage for tests of the local stack itself.
//
// Its templates declare the tables of the contract, a secret with a rotation and
// one without, and an HTTP API over a few functions. The functions are the test binary: the
// stack starts it again as their `bootstrap`, with a variable in the templates
// that tells it so. A test therefore needs nothing that was built before, and
// yet runs real processes against a real engine.
package localtest

import (
	"embed"
	"os"
	"path/filepath"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local"
)

// Stage is the stage of the templates.
const Stage = "test"

// Rotated is the secret after its first rotation: a document of keys that can
// keep passwords and sign nothing.
const Rotated = `{"format":"tipstaff-keys/1",` +
	`"signing":[{"alg":"ES256","state":"active"},{"alg":"RS256","state":"active"}],` +
	`"mac":[{"id":"localmac","state":"active","key":"AAAA"}],` +
	`"pepper":[{"id":"localpep","key":"AAAA"}]}`

// role is the variable that makes a process a function.
const role = "LOCAL_TEST_ROLE"

//go:embed templates
var templates embed.FS

// Main is what TestMain must call: it runs the tests, or the function that this
// process was started to be.
func Main(m *testing.M) {
	if os.Getenv(role) != "" {
		bootstrap()
	}
	os.Exit(m.Run())
}

// Options are those of the stage, with folders of its own below a new one that
// goes when t ends. A test may change what is in these folders.
func Options(tb testing.TB) local.Options {
	tb.Helper()
	root := tb.TempDir()
	o := local.Options{
		Dir:       filepath.Join(root, "dir"),
		Templates: filepath.Join(root, "templates"),
		Binaries:  filepath.Join(root, "bin"),
		Stage:     Stage,
	}
	if err := os.CopyFS(root, templates); err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range []string{"echo", "items", "rotate"} {
		if err := os.MkdirAll(filepath.Join(o.Binaries, name), 0o700); err != nil {
			tb.Fatal(err)
		}
		if err := os.Symlink(self, filepath.Join(o.Binaries, name, "bootstrap")); err != nil {
			tb.Fatal(err)
		}
	}
	return o
}
