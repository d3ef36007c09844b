package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// `make diff` fails for exactly the changes that a reviewer must not miss. Each case
// changes the committed template, so that the synthesized one is the change: a removal
// there is an addition in a pull request.
func TestDiff(t *testing.T) {
	synthesized()
	tests := []struct {
		name   string
		stack  string
		change func(t *testing.T, committed map[string]any)
		fails  bool
		says   string
	}{
		{
			name: "nothing", stack: "tipstaff-staging-service", change: func(*testing.T, map[string]any) {},
			says: "tipstaff-staging-service: no differences",
		},
		{
			name: "a function gets more memory", stack: "tipstaff-staging-service",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				id, _ := service(Staging).lambda(t, Staging, contract.Token)
				at(c, "Resources", id, "Properties").(map[string]any)["MemorySize"] = 128
			},
			says: "MemorySize",
		},
		{
			name: "a role gets one more action", stack: "tipstaff-staging-service",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				for id, role := range service(Staging).ofType("AWS::IAM::Role") {
					if strings.Contains(text(role.Properties["Description"]), "staging-token ") {
						policy := at(c, "Resources", id, "Properties", "Policies", 0, "PolicyDocument").(map[string]any)
						policy["Statement"] = list(policy["Statement"])[1:]
						return
					}
				}
				t.Fatal("token has no role")
			},
			fails: true, says: "tipstaff-staging-service: refused because of what it changes: broadening",
		},
		{
			name: "a table disappears", stack: "tipstaff-prod-data",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				id, _ := data(Prod).one(t, "AWS::DynamoDB::GlobalTable", "TableName", "tipstaff-prod-audit")
				resources := at(c, "Resources").(map[string]any)
				old := maps.Clone(resources[id].(map[string]any))
				old["Properties"] = maps.Clone(old["Properties"].(map[string]any))
				old["Properties"].(map[string]any)["TableName"] = "tipstaff-prod-old"
				resources["old"] = old
			},
			fails: true, says: "tipstaff-prod-data: refused because of what it changes: destructive",
		},
		{
			name: "a table gets another key", stack: "tipstaff-prod-data",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				id, _ := data(Prod).one(t, "AWS::DynamoDB::GlobalTable", "TableName", "tipstaff-prod-audit")
				at(c, "Resources", id, "Properties").(map[string]any)["KeySchema"] = keySchema(contract.SK, contract.PK)
			},
			fails: true, says: "tipstaff-prod-data: refused because of what it changes: destructive",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now, committed := t.TempDir(), t.TempDir()
			copyStack(t, now, tt.stack)
			template := map[string]any{}
			if err := json.Unmarshal(synthesized()[tt.stack].text, &template); err != nil {
				t.Fatal(err)
			}
			tt.change(t, template)
			changed, err := json.Marshal(template)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(committed, tt.stack+".template.json"), changed)

			out, err := runDiff(now, committed)
			if failed := err != nil; failed != tt.fails || !strings.Contains(out, tt.says) {
				t.Errorf("diff when %s: failed is %v, want %v; says %q, want %q", tt.name, failed, tt.fails, out, tt.says)
			}
		})
	}
}

// A stack that is no longer synthesized is the worst change, and the CLI does not detect it.
func TestDiffOfAMissingStack(t *testing.T) {
	synthesized()
	t.Parallel()
	now, committed := t.TempDir(), t.TempDir()
	copyStack(t, now, "tipstaff-staging-data")
	for _, stack := range []string{"tipstaff-staging-data", "tipstaff-prod-data"} {
		write(t, filepath.Join(committed, stack+".template.json"), synthesized()[stack].text)
	}
	out, err := runDiff(now, committed)
	if want := "tipstaff-prod-data: the whole stack is gone"; err == nil || !strings.Contains(out, want) {
		t.Errorf("diff without tipstaff-prod-data: got error %v and %q, want a failure that says %q", err, out, want)
	}
}

// copyStack makes an assembly in dir with one stack.
func copyStack(t *testing.T, dir, stack string) {
	t.Helper()
	entries, err := os.ReadDir(assembly)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), ".template.json") && e.Name() != stack+".template.json" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(assembly, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, e.Name()), content)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func runDiff(assembly, committed string) (string, error) {
	cli := cdk()
	diff := exec.Command("infra/diff.sh", assembly, committed)
	diff.Dir = cli.Dir
	// No credentials, no profile, no region, and no endpoint for credentials.
	diff.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	diff.Env = append(diff.Env, "CLI="+strings.Join(cli.Args, " "), "AWS_EC2_METADATA_DISABLED=true")
	out, err := diff.CombinedOutput()
	return string(out), err
}
