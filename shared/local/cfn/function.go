package cfn

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Function is an AWS::Lambda::Function with a bootstrap program.
type Function struct {
	Name    string
	ARN     string
	Handler string
	// Memory is in MiB.
	Memory  int
	Timeout time.Duration
	Env     map[string]string
	Role    Role
}

// Role is the AWS::IAM::Role of a function. Its policies are inline, so the
// template shows all that the function may do.
type Role struct {
	Name     string
	ARN      string
	Policies []Policy
}

// Policy is one policy document with its references resolved.
type Policy struct {
	Name     string
	Document json.RawMessage
}

// Function returns the function of that name.
func (s *Stage) Function(name string) (Function, bool) {
	for _, f := range s.Functions {
		if f.Name == name {
			return f, true
		}
	}
	return Function{}, false
}

// readFunction ignores the architecture: the local stack starts programs that
// are built for this machine.
func readFunction(o *object) Function {
	o.ignore("Architectures", "Code", "Description", "LoggingConfig")
	o.only("Runtime", "provided.al2023")
	f := Function{
		Name:    o.text("FunctionName"),
		Handler: o.text("Handler"),
		Memory:  o.number("MemorySize"),
		Timeout: time.Duration(o.number("Timeout")) * time.Second,
		Role:    o.role("Role"),
	}
	f.ARN = o.r.place.FunctionARN(f.Name)
	environment := o.object("Environment")
	f.Env = environment.texts("Variables")
	return f
}

// role reads the role that a property names by its ARN.
func (o *object) role(property string) Role {
	at, v := o.take(property)
	arn := o.r.text(at, v)
	for _, t := range o.r.stacks {
		for _, res := range t.resources {
			name := generatedName(res.at)
			if res.at.typ == typeRole && o.r.place.RoleARN(name) == arn {
				return Role{Name: name, ARN: arn, Policies: readPolicies(o.r.open(res))}
			}
		}
	}
	o.r.unknown(at, "role "+strconv.Quote(arn))
	return Role{}
}

// readPolicies reads the policies of a role. Managed policies and permissions
// boundaries are unknown: no template shows what they allow.
func readPolicies(o *object) []Policy {
	o.ignore("AssumeRolePolicyDocument", "Description")
	var all []Policy
	for _, p := range o.objects("Policies") {
		all = append(all, Policy{Name: p.text("PolicyName"), Document: p.raw("PolicyDocument")})
	}
	return all
}

// checkAlias refuses weights, which would split the traffic of a function
// between two versions. A template declares one version of each function, so an
// alias stands for the function itself here.
func checkAlias(o *object) {
	o.ignore("FunctionName", "FunctionVersion", "Name", "ProvisionedConcurrencyConfig")
}

// function reads a property with the ARN of a function or of an alias, and
// returns the name of the function.
func (s *Stage) function(o *object, property string) string {
	at, v := o.take(property)
	arn := o.r.text(at, v)
	for _, f := range s.Functions {
		if arn == f.ARN || strings.HasPrefix(arn, f.ARN+":") {
			return f.Name
		}
	}
	o.r.unknown(at, "function "+strconv.Quote(arn))
	return ""
}
