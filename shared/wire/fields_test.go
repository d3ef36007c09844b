package wire_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/listtest"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// fields are the values of the variables that the contract names, as an Env has them.
var fields = map[string]func(*wire.Env) string{
	contract.EnvStage:           func(e *wire.Env) string { return e.Stage },
	contract.EnvIssuer:          func(e *wire.Env) string { return e.Issuer },
	contract.EnvCommit:          func(e *wire.Env) string { return e.Commit },
	contract.EnvAuditDays:       func(e *wire.Env) string { return fmt.Sprint(e.AuditDays) },
	contract.EnvClientDocuments: func(e *wire.Env) string { return strings.Join(e.ClientDocuments.Hosts, ",") },
	contract.EnvRegistration:    func(e *wire.Env) string { return string(e.Registration) },
	contract.EnvMail:            func(e *wire.Env) string { return e.Mail.String() },
}

// TestEveryVariableReachesItsField: each constant of the contract is read, and what is
// read gets into the field that handlers are built from.
func TestEveryVariableReachesItsField(t *testing.T) {
	var constants []string
	for name, value := range listtest.Constants(t, "../contract", "") {
		if strings.HasPrefix(name, "contract.Env") {
			constants = append(constants, value)
		}
	}
	listtest.Agree(t, "the contract", constants, "this test", slices.Collect(maps.Keys(fields)))
	read := map[string]bool{}
	for _, f := range contract.Functions() {
		values := complete(f)
		values[contract.EnvStage], values[contract.EnvCommit] = "staging", "0123abc"
		values[contract.EnvClientDocuments] = "app.example.com"
		needs := slices.DeleteFunc(slices.Clone(f.Needs), func(n contract.Need) bool { return n.Resource == contract.Mail })
		for _, n := range needs {
			values[n.Resource.Env()] = "physical-" + string(n.Resource)
		}
		values["AWS_REGION"] = "eu-central-1"
		e, err := wire.From(f, func(name string) string { return values[name] })
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range f.Env() {
			if field, ok := fields[name]; ok {
				read[name] = true
				if got := field(e); got != values[name] {
					t.Errorf("%s: %s=%q is %q in the Env", f.Name, name, values[name], got)
				}
			}
		}
		for _, n := range needs {
			if got := e.Name(n.Resource); got != "physical-"+string(n.Resource) {
				t.Errorf("%s: Name(%s) = %q", f.Name, n.Resource, got)
			}
		}
		if e.Region != "eu-central-1" || e.Function.Name != f.Name || e.Stdout == nil {
			t.Errorf("%s: Env = %+v, want a region, the function and an output", f.Name, e)
		}
	}
	for name := range fields {
		if !read[name] {
			t.Errorf("no function is told %s", name)
		}
	}
}
