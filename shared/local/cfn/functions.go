package cfn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (r *reader) functions(s *Stage) error {
	roles, err := r.roles()
	if err != nil {
		return err
	}
	return r.each(func(res *resource) error {
		f, err := r.function(res, roles)
		if err != nil {
			return err
		}
		s.Functions = append(s.Functions, f)
		return nil
	}, typeFunction)
}

// The defaults of a function are those of CloudFormation.
func (r *reader) function(res *resource, roles []*Role) (Function, error) {
	p := r.properties(res)
	var (
		environment struct{ Variables map[string]string }
		arch        = []string{"x86_64"}
	)
	p.into("Environment", &environment)
	p.into("Architectures", &arch)
	f := Function{
		Name:    p.name(),
		Handler: p.text("Handler", ""),
		Runtime: p.text("Runtime", ""),
		Memory:  p.number("MemorySize", 128),
		Timeout: time.Duration(p.number("Timeout", 3)) * time.Second,
		Env:     environment.Variables,
	}
	f.ARN = r.place.FunctionARN(f.Name)
	if len(arch) != 1 {
		p.fail("Architectures", errors.New("exactly one is wanted"))
		return f, p.err
	}
	f.Arch = arch[0]
	arn := p.required("Role")
	i := slices.IndexFunc(roles, func(role *Role) bool { return role.ARN == arn })
	if i < 0 {
		p.fail("Role", fmt.Errorf("no template that was read declares role %q", arn))
		return f, p.err
	}
	f.Role = *roles[i]
	return f, p.err
}

// parseFunctionARN takes the ARN of a function, alias or version apart.
func parseFunctionARN(arn string) (name, qualifier string, err error) {
	parts := strings.Split(arn, ":")
	if len(parts) < 7 || len(parts) > 8 || parts[0] != "arn" || parts[2] != "lambda" || parts[5] != "function" {
		return "", "", fmt.Errorf("%q is not the ARN of a function", arn)
	}
	if len(parts) == 8 {
		qualifier = parts[7]
	}
	return parts[6], qualifier, nil
}

// target finds the function behind an ARN that a route or rotation names.
func (s *Stage) target(arn string) (name, qualifier string, err error) {
	name, qualifier, err = parseFunctionARN(arn)
	if err != nil {
		return "", "", err
	}
	if _, ok := s.Function(name); !ok {
		return "", "", fmt.Errorf("no template that was read declares function %q", name)
	}
	return name, qualifier, nil
}
