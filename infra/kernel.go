package main

import (
	"os"
	"path/filepath"

	"github.com/aws/jsii-runtime-go"
)

// The constructs run in a Node process, the jsii kernel, which this program
// starts with its first construct and drives over a pipe.

// startKernel makes the kernel run on the node of package.json under root,
// whatever version the PATH has, unless JSII_NODE says otherwise. The kernel
// gets the environment as it is now.
func startKernel(root string) {
	node, err := filepath.Abs(filepath.Join(root, "node_modules", "node", "bin", "node"))
	if err == nil && os.Getenv("JSII_NODE") == "" {
		if _, err := os.Stat(node); err == nil {
			_ = os.Setenv("JSII_NODE", node) // fails for a malformed name only
		}
	}
	// jsii read the environment when its packages were initialized. It does
	// so again for the kernel after that one, which never started.
	jsii.Close()
}

// stopKernel ends the kernel and deletes its temporary files. It is the last
// call of a program: jsii waits for the kernel twice and writes to the
// standard error that one of the two found nothing, so there is none any more.
func stopKernel() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	jsii.Close()
}
