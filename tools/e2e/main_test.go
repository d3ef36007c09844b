// Package e2e_test tests Tipstaff as its clients see it: over HTTP, with a base URL
// and some credentials, and without knowledge of the code.
//
// # Local
//
// By default the server is the local stack, started for the suite on a free port
// with fixture/registry.yaml. When the suite has passed, it searches the log of every
// function and every table for a secret or a token. It also checks the report of AWS
// calls: no call was refused by a role, and no permission of a role was unused.
//
// # Deployed
//
// With TIPSTAFF_URL the same suite is the smoke test of a deployed stage, without
// the tests called TestLocal, which need the local stack. The credentials are then in
// the environment, under the names that server.env lists. The clients of
// fixture/registry.yaml fit.
package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// target is the server under test.
var target *server

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if url := os.Getenv("TIPSTAFF_URL"); url != "" {
		var err error
		if target, err = deployed(url); err != nil {
			return fail(err)
		}
		defer visits()()
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "tipstaff-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	stack, err := fixture.Start(ctx, fixture.Options{Root: root, Dir: dir})
	if err != nil {
		return fail(err)
	}
	defer stack.Close()
	target = localServer(stack)
	defer visits()()
	if err := stack.Describe(ctx, target.documentID, document); err != nil {
		return fail(err)
	}

	code := m.Run()
	// A part of the suite needs only a part of the permissions.
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	for _, sentence := range traces(context.Background(), stack, whole && code == 0) {
		fmt.Fprintln(os.Stderr, "after the suite:", sentence)
		code = 1
	}
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}
