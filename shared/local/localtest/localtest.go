// Package localtest is a small stage for tests of the local stack itself.
//
// Its templates declare three tables, a secret with a rotation and one without, and
// an HTTP API with a few functions. The program of each function is the test binary:
// the stack starts it as `bootstrap`, with a variable of the templates that makes it
// a function. So a test needs no other binary, and still runs real processes against
// a real engine.
//
// A test binary calls [Main] in its TestMain. A test starts a stack with [Options].
package localtest

import (
	"embed"
	"os"
	"path/filepath"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local"
)

// Stage is the name of the stage in the templates.
const Stage = "test"

// Rotated is the secret of the keys after its first rotation. Its keys are enough to
// store passwords, but not to sign.
const Rotated = `{"format":"tipstaff-keys/1",` +
	`"signing":[{"alg":"ES256","state":"active"},{"alg":"RS256","state":"active"}],` +
	`"mac":[{"id":"localmac","state":"active","key":"AAAA"}],` +
	`"pepper":[{"id":"localpep","key":"AAAA"}]}`

// role is the variable that makes a test binary a function.
const role = "LOCAL_TEST_ROLE"

//go:embed templates
var templates embed.FS

// Main is the TestMain of a test binary. It runs the tests, or a function when the
// stack started this process as one.
func Main(m *testing.M) {
	if os.Getenv(role) != "" {
		bootstrap()
	}
	os.Exit(m.Run())
}

// Options returns the options of the stage. Its folders are in a temporary folder of
// the test, and the test may change what is in them.
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
