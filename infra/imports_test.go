package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The app imports the contract and CDK. It links neither the AWS SDK nor the code of
// the functions.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	const ours = "github.com/tipstaff/tipstaff/"
	allowed := map[string]bool{ours + "infra": true, ours + "shared/contract": true}
	seen := 0
	for _, pkg := range strings.Fields(string(out)) {
		switch {
		case allowed[pkg]:
			seen++
		case strings.HasPrefix(pkg, ours),
			strings.HasPrefix(pkg, "github.com/aws/aws-sdk-go"),
			strings.HasPrefix(pkg, "github.com/cdklabs/cdk-nag-go"):
			t.Errorf("infra links %s, want the contract and CDK only", pkg)
		}
	}
	if seen != len(allowed) {
		t.Errorf("go list -deps names %d of our packages, want %d: %s", seen, len(allowed), out)
	}
}
