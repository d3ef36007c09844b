package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// noPreemption switches off signals of Go's scheduler, over which callgrind
// stumbles.
const noPreemption = "GODEBUG=asyncpreemptoff=1"

// nowhere is an address that refuses every connection, at once.
const nowhere = "127.0.0.1:9"

var collected = regexp.MustCompile(`Collected : (\d+)`)

// instructions counts the user-space instructions of a function from exec to
// its first call of the Runtime API, which is refused and ends it. The count
// hardly varies, which a time of a few milliseconds does. The function gets
// its whole environment: without it, it would give up before it is ready.
func instructions(ctx context.Context, binaries string, f contract.Function) (int, error) {
	cmd := exec.CommandContext(ctx, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
		filepath.Join(binaries, f.Name, "bootstrap"))
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + nowhere, "AWS_ENDPOINT_URL=:", // no URL: reads ahead of the first event fail before they reach the network
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_SESSION_TOKEN=c",
		"PATH=/usr/bin", "GOMAXPROCS=1",
		noPreemption,
	}
	for _, name := range f.Env() {
		cmd.Env = append(cmd.Env, name+"="+example(name))
	}
	out, err := cmd.CombinedOutput() // it ends with an error, as it should
	found := collected.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("%s: valgrind counted nothing: %w\n%s", f.Name, err, out)
	}
	if !reachedRuntime.Match(out) {
		return 0, fmt.Errorf("%s ended before its first call of the Runtime API:\n%s", f.Name, out)
	}
	return strconv.Atoi(string(found[1]))
}

// reachedRuntime matches what a function prints when its first call fails.
var reachedRuntime = regexp.MustCompile("failed to get the next invoke: .*" + regexp.QuoteMeta(nowhere))

// example is a value that a variable might have.
func example(name string) string {
	switch name {
	case contract.EnvIssuer:
		return "https://auth.example.com"
	case contract.EnvAuditDays:
		return "30"
	case contract.EnvClientDocuments:
		return "any"
	case contract.EnvRegistration:
		return string(contract.RegistrationToken)
	case contract.EnvMail:
		return contract.MailPolicy{}.String()
	}
	return "tipstaff-staging-example"
}
