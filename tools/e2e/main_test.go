// Package e2e_test sees Tipstaff as its clients do: over HTTP, knowing a base
// URL and some credentials and nothing of the code.
//
// By default the server is the local stack, started for the suite on a free
// port with the registry of testdata. When the suite has passed, what it left
// behind is searched: the log of every function and every table for a secret
// or a token, and the wall's report for a call that a role refused or a grant
// that nothing needed.
//
// With TIPSTAFF_URL the same suite is the smoke test of a deployed stage, but for
// the tests called TestLocal, which need what only the local stack has. The
// credentials are then in the environment, under the names that server.env
// lists; fixture/registry.yaml describes clients that will do.
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
	// A part of the suite needs a part of the grants only.
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
