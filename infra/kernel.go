package main

import (
	"os"
	"path/filepath"

	"github.com/aws/jsii-runtime-go"
)

// The constructs run in a Node process, the jsii kernel. This program starts it with its first
// construct and controls it over a pipe.

// startKernel starts the kernel with the node version of package.json under root,
// whatever version the PATH has. JSII_NODE overrides it. The kernel gets a copy of the
// current environment.
func startKernel(root string) {
	node, err := filepath.Abs(filepath.Join(root, "node_modules", "node", "bin", "node"))
	if err == nil && os.Getenv("JSII_NODE") == "" {
		if _, err := os.Stat(node); err == nil {
			_ = os.Setenv("JSII_NODE", node) // fails for a malformed name only
		}
	}
	// jsii read the environment when its packages were initialized. Closing the kernel, which
	// never started, makes jsii read it again for the next one.
	jsii.Close()
}

// stopKernel ends the kernel and deletes its temporary files. It must be the last call
// of a program. jsii waits for the kernel twice and reports an error for one of the two
// waits, so standard error is closed before.
func stopKernel() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	jsii.Close()
}
