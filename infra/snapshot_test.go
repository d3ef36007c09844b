package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

const snapshots = "testdata/snapshots"

// The committed templates equal the synthesized ones. So a deployment creates what a
// reviewer reads and the local stack runs.
func TestSnapshots(t *testing.T) {
	committed := readTemplates(snapshots)
	equal(t, "stacks in "+snapshots, slices.Sorted(maps.Keys(committed)), slices.Sorted(maps.Keys(synthesized())))
	for stack, template := range synthesized() {
		if d := difference(committed[stack].text, template.text); d != "" {
			t.Errorf("%s has changed. `make diff` says what that means in AWS, `make snapshot` accepts it.\n%s", stack, d)
		}
	}
}

// difference returns the lines from the first to the last difference, "" when there is none.
func difference(committed, synthesized []byte) string {
	if bytes.Equal(committed, synthesized) {
		return ""
	}
	old, now := strings.Split(string(committed), "\n"), strings.Split(string(synthesized), "\n")
	head, tail := 0, 0
	for head < min(len(old), len(now)) && old[head] == now[head] {
		head++
	}
	for tail < min(len(old), len(now))-head && old[len(old)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	var out strings.Builder
	fmt.Fprintf(&out, "from line %d:\n", head+1)
	for _, side := range []struct {
		sign  string
		lines []string
	}{
		{" ", old[max(0, head-3):head]},
		{"-", old[head : len(old)-tail]},
		{"+", now[head : len(now)-tail]},
	} {
		for i, line := range side.lines {
			if i == 40 {
				fmt.Fprintf(&out, "%s … %d more lines\n", side.sign, len(side.lines)-i)
				break
			}
			fmt.Fprintf(&out, "%s %s\n", side.sign, line)
		}
	}
	return out.String()
}

func TestDifference(t *testing.T) {
	for _, tt := range []struct{ name, old, now, want string }{
		{"same", "a\nb\n", "a\nb\n", ""},
		{"changed", "a\nb\nc\n", "a\nx\nc\n", "from line 2:\n  a\n- b\n+ x\n"},
		{"added", "a\nc\n", "a\nb\nc\n", "from line 2:\n  a\n+ b\n"},
		{"removed", "a\na\n", "a\n", "from line 2:\n  a\n- a\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := difference([]byte(tt.old), []byte(tt.now)); got != tt.want {
				t.Errorf("difference(%q, %q) = %q, want %q", tt.old, tt.now, got, tt.want)
			}
		})
	}
}

// The app writes the same templates under the CDK CLI, which passes the feature flags
// and adds context values.
func TestTheCLIWritesTheSame(t *testing.T) {
	synthesized()
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cli := cdk("synth", "--quiet", "--app", self, "--output", dir, "-c", contextReview+"=true")
	cli.Env = append(cli.Environ(), actAsApp+"=1")
	if out, err := cli.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cli.Args, err, out)
	}
	for stack, template := range readTemplates(dir) {
		if d := difference(synthesized()[stack].text, template.text); d != "" {
			t.Errorf("%s differs under the CLI:\n%s", stack, d)
		}
	}
}

// cdk is a run of the CDK CLI of package.json at the root of the repository.
func cdk(args ...string) *exec.Cmd {
	cli := exec.Command("node_modules/node/bin/node", append([]string{"node_modules/aws-cdk/bin/cdk"}, args...)...)
	cli.Dir = ".."
	return cli
}

// A deployment differs from its review only in the code.
func TestDeploymentEqualsReview(t *testing.T) {
	binaries := t.TempDir()
	for _, f := range contract.Functions() {
		writeBinary(t, binaries, f.Name)
	}
	if err := checkBinaries(binaries); err != nil {
		t.Fatal(err)
	}
	deployed := synthInto(t.TempDir(), Release{Commit: "unknown", binaries: binaries}, Stages...)
	keys := map[string]bool{}
	for stack, review := range synthesized() {
		got, want := withoutCode(deployed[stack].text), withoutCode(review.text)
		if d := difference(want, got); d != "" {
			t.Errorf("%s differs from its review:\n%s", stack, d)
		}
		for id, r := range deployed[stack].ofType("AWS::Lambda::Function") {
			key := text(at(r.Properties, "Code", "S3Key"))
			if !regexp.MustCompile(`^[0-9a-f]{64}\.zip$`).MatchString(key) || strings.HasPrefix(key, "0000") {
				t.Errorf("%s: code of %s is %q, want the hash of its binary", stack, id, key)
			}
			keys[key] = true
		}
	}
	if got, want := len(keys), len(contract.Functions()); got != want {
		t.Errorf("got %d different codes, want one per function, %d", got, want)
	}
}

// withoutCode returns a template without the values that depend on the code: its hash,
// and the ids of the versions, which include the hash.
func withoutCode(template []byte) []byte {
	template = regexp.MustCompile(`[0-9a-f]{64}\.zip`).ReplaceAll(template, []byte("code.zip"))
	return regexp.MustCompile(`(FunctionCurrentVersion[0-9A-F]{8})[0-9a-f]{32}`).ReplaceAll(template, []byte("$1"))
}

func writeBinary(t *testing.T, dir, function string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, function), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, function, "bootstrap"), []byte("the code of "+function), 0o755); err != nil {
		t.Fatal(err)
	}
}

// A deployment without code, or with code that Lambda could not start, is refused
// before the synthesis.
func TestBrokenBinaries(t *testing.T) {
	tests := []struct {
		name   string
		damage func(bootstrap string) error
		want   string
	}{
		{"no folder", func(path string) error { return os.RemoveAll(filepath.Dir(path)) }, "make handlers"},
		{"empty folder", os.Remove, "make handlers"},
		{"not executable", func(path string) error { return os.Chmod(path, 0o644) }, "not executable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range contract.Functions() {
				writeBinary(t, dir, f.Name)
			}
			if err := tt.damage(filepath.Join(dir, contract.Token.Name, "bootstrap")); err != nil {
				t.Fatal(err)
			}
			err := checkBinaries(dir)
			if err == nil || !strings.Contains(err.Error(), "token") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("checkBinaries, token with %s: got %v, want an error about token that says %q", tt.name, err, tt.want)
			}
		})
	}
}
