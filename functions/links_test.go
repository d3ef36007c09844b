package functions_test

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// tags are those of the Makefile, without which the list of packages is another.
const tags = "lambda.norpc,nethttpomithttp2"

const sdk = "github.com/aws/aws-sdk-go-v2/"

// TestFunctionsLinkWhatTheyNeed compares the packages of every binary with its value in the
// contract. A package that is not linked costs no start time and cannot be attacked.
func TestFunctionsLinkWhatTheyNeed(t *testing.T) {
	rules := []struct {
		pkg string // the import path, or all below it when it ends with a slash
		// may reports whether f may link pkg. Nil means that no function may.
		may func(f contract.Function) bool
		why string
	}{
		{sdk, func(f contract.Function) bool { return len(f.Needs) > 0 }, "it needs nothing of AWS"},
		{sdk + "service/dynamodb", needsTable, "it needs no table"},
		{sdk + "service/secretsmanager", needsSecret, "it needs no secret"},
		{sdk + "config", nil, "wire builds aws.Config by hand"},
		{sdk + "service/sts", nil, "a function never asks for credentials"},
		{
			"github.com/tipstaff/tipstaff/shared/fetch", only(contract.ClientDocument),
			"one function calls servers that a request names, and it may use one table",
		},
		{"github.com/tipstaff/tipstaff/shared/wire/unregistered", func(f contract.Function) bool { return f.Clients }, "it is not told which of these clients there are"},
		{"golang.org/x/oauth2", only(contract.Upstream), "no user signs in at an upstream there"},
		{"github.com/coreos/go-oidc/", only(contract.Upstream), "no user signs in at an upstream there"},
		{"github.com/go-webauthn/", only(contract.Login, contract.Account, contract.Enroll), "no passkey is used or made there"},
		{"github.com/pquerna/otp", only(contract.Login, contract.Account, contract.Enroll, contract.Upstream), "no user signs in there"},
		{"github.com/tipstaff/tipstaff/shared/identity/otp/qr", only(contract.Account), "it shows no QR code"},
		{sdk + "service/sesv2", only(contract.SendMail), "it sends no mail"},
		{"html/template", func(f contract.Function) bool { return f.Page }, "it serves no page"},
		{"github.com/aws/aws-cdk-go/", nil, "CDK belongs to infra"},
		{"github.com/aws/jsii-runtime-go/", nil, "CDK belongs to infra"},
		{"github.com/spf13/cobra", nil, "the CLI belongs to the operator"},
		{"github.com/goccy/go-yaml", nil, "registry.yaml is read by the CLI"},
		{"github.com/tipstaff/tipstaff/shared/local/", nil, "a function cannot tell that it is local"},
		{"net/rpc", nil, "the build tag lambda.norpc leaves it out of aws-lambda-go"},
		{"testing", nil, "tests stay outside"},
	}
	linked := deps(t)
	for _, f := range contract.Functions() {
		packages, ok := linked[f.Name]
		if !ok {
			t.Errorf("function %s has no main package", f.Name)
			continue
		}
		for _, r := range rules {
			if r.may != nil && r.may(f) {
				continue
			}
			for _, p := range packages {
				if p == r.pkg || strings.HasPrefix(p+"/", strings.TrimSuffix(r.pkg, "/")+"/") {
					t.Errorf("functions/%s links %s, but %s; try: go list -tags "+tags+" -deps ./%s", f.Name, p, r.why, f.Name)
					break
				}
			}
		}
	}
}

// TestFunctionsLinkTheirClients is the reverse check: a need without its client in the
// binary is an unused permission.
func TestFunctionsLinkTheirClients(t *testing.T) {
	linked := deps(t)
	for _, f := range contract.Functions() {
		if needsTable(f) && !slices.Contains(linked[f.Name], sdk+"service/dynamodb") {
			t.Errorf("functions/%s needs a table but links no DynamoDB client", f.Name)
		}
		if needsSecret(f) && !slices.Contains(linked[f.Name], sdk+"service/secretsmanager") {
			t.Errorf("functions/%s needs a secret but links no Secrets Manager client", f.Name)
		}
	}
}

// TestFunctionsAdmitStrangers: a function that has the policy for unregistered clients,
// and the table of their documents, accepts them.
func TestFunctionsAdmitStrangers(t *testing.T) {
	const unregistered = "github.com/tipstaff/tipstaff/shared/wire/unregistered"
	linked := deps(t)
	for _, f := range contract.Functions() {
		reads := slices.ContainsFunc(f.Needs, func(n contract.Need) bool { return n.Resource == contract.Documents })
		if !reads || f.Name == contract.ClientDocument.Name {
			continue
		}
		if !f.Clients || !slices.Contains(linked[f.Name], unregistered) {
			t.Errorf("function %s may read the documents of clients and admits none: it lacks Clients in the contract, or a line of %s", f.Name, unregistered)
		}
	}
}

// only allows these functions.
func only(some ...contract.Function) func(contract.Function) bool {
	return func(f contract.Function) bool {
		return slices.ContainsFunc(some, func(s contract.Function) bool { return s.Name == f.Name })
	}
}

func needsTable(f contract.Function) bool {
	return slices.ContainsFunc(f.Needs, func(n contract.Need) bool {
		_, ok := contract.FindTable(n.Resource)
		return ok
	})
}

func needsSecret(f contract.Function) bool {
	return slices.ContainsFunc(f.Needs, func(n contract.Need) bool {
		return slices.ContainsFunc(contract.Secrets, func(s contract.Secret) bool { return s.Name == n.Resource })
	})
}

// deps returns the packages that each function links, by function name.
func deps(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", tags, "-f", `{{if eq .Name "main"}}{{.ImportPath}} {{join .Deps " "}}{{end}}`, "./...")
	cmd.Env = append(cmd.Environ(), "GOWORK=off", "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr(err))
	}
	linked := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		linked[fields[0][strings.LastIndexByte(fields[0], '/')+1:]] = fields[1:]
	}
	return linked
}

// stderr returns the error output of a failed command.
func stderr(err error) []byte {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Stderr
	}
	return nil
}
