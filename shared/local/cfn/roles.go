package cfn

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// roles reads only those roles that a function runs under; what other roles
// may do is no business of the local stack.
func (r *reader) roles() ([]*Role, error) {
	used := map[string]bool{}
	err := r.each(func(res *resource) error {
		p := r.properties(res)
		used[p.required("Role")] = true
		return p.err
	}, typeFunction)
	if err != nil {
		return nil, err
	}
	var roles []*Role
	err = r.each(func(res *resource) error {
		p := r.properties(res)
		role := &Role{Name: p.name()}
		role.ARN = r.place.RoleARN(role.Name)
		if p.err == nil && used[role.ARN] {
			p.role(role)
			roles = append(roles, role)
		}
		return p.err
	}, typeRole)
	if err != nil {
		return nil, err
	}
	return roles, r.attachPolicies(roles)
}

func (p *properties) role(role *Role) {
	var inline []struct {
		PolicyName     string
		PolicyDocument json.RawMessage
	}
	p.into("Policies", &inline)
	p.into("ManagedPolicyArns", &role.Managed)
	if _, ok := p.value("PermissionsBoundary"); ok {
		p.fail("PermissionsBoundary", errors.New("the local stack does not evaluate it"))
	}
	for _, policy := range inline {
		role.Policies = append(role.Policies, Policy{Name: policy.PolicyName, Document: policy.PolicyDocument})
	}
}

// attachPolicies adds the policies that are resources of their own to the roles
// that they name.
func (r *reader) attachPolicies(roles []*Role) error {
	return r.each(func(res *resource) error {
		p := r.properties(res)
		var names []string
		if res.Type == typeRolePolicy {
			names = []string{p.required("RoleName")}
		} else {
			p.into("Roles", &names)
		}
		for _, role := range roles {
			if !slices.Contains(names, role.Name) {
				continue
			}
			if res.Type == typeManaged {
				p.fail("Roles", fmt.Errorf("role %s: a managed policy on the role of a function is not allowed", role.Name))
				break
			}
			policy := Policy{Name: p.required("PolicyName")}
			p.into("PolicyDocument", &policy.Document)
			role.Policies = append(role.Policies, policy)
		}
		return p.err
	}, typePolicy, typeRolePolicy, typeManaged)
}
