package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// Decision is the outcome of evaluating policies for one action on one
// resource.
type Decision int

const (
	// NotAllowed means that no statement applies. The request is refused.
	NotAllowed Decision = iota
	// Allowed means that a statement allows it and none denies it.
	Allowed
	// Denied means that a statement denies it, also when others allow it.
	Denied
)

func (d Decision) String() string {
	return [...]string{"not allowed", "allowed", "denied"}[d]
}

// Permissions are the compiled policies of one role. They are safe for concurrent
// use.
type Permissions struct {
	allow []*rule
	deny  []*rule
}

// rule is one action pattern on one resource pattern.
type rule struct {
	policy   string
	action   string
	resource string
	// lowerAction is compared, because the case of an action does not matter.
	lowerAction string
	used        atomic.Bool
}

func (r *rule) matches(lowerAction, resource string) bool {
	return matches(r.lowerAction, lowerAction) && matches(r.resource, resource)
}

// Compile compiles the policies of a role. It refuses what it cannot evaluate
// exactly: conditions, principals, NotAction, NotResource and policy variables. It
// also refuses an action of DynamoDB or Secrets Manager that no known operation
// needs.
func Compile(policies []cfn.Policy) (*Permissions, error) {
	p := &Permissions{}
	for _, policy := range policies {
		if err := p.add(policy); err != nil {
			return nil, fmt.Errorf("policy %s: %w", policy.Name, err)
		}
	}
	return p, nil
}

// document is the part of the policy language that is known here.
type document struct {
	Version   string
	ID        string `json:"Id"`
	Statement oneOrMore[statement]
}

type statement struct {
	Sid      string
	Effect   string
	Action   oneOrMore[string]
	Resource oneOrMore[string]
}

// oneOrMore is a list. A list of one element may be written as that element.
type oneOrMore[T any] []T

func (l *oneOrMore[T]) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		return strict(data, (*[]T)(l))
	}
	var one T
	if err := strict(data, &one); err != nil {
		return err
	}
	*l = oneOrMore[T]{one}
	return nil
}

func strict(data []byte, target any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(target)
}

func (p *Permissions) add(policy cfn.Policy) error {
	var d document
	if err := strict(policy.Document, &d); err != nil {
		return fmt.Errorf("the local IAM does not understand it: %w", err)
	}
	if d.Version != "2012-10-17" {
		return fmt.Errorf("version %q is not 2012-10-17", d.Version)
	}
	for i, s := range d.Statement {
		if err := p.state(policy.Name, s); err != nil {
			return fmt.Errorf("statement %d: %w", i, err)
		}
	}
	return nil
}

func (p *Permissions) state(policy string, s statement) error {
	if len(s.Action) == 0 || len(s.Resource) == 0 {
		return errors.New("it needs an action and a resource")
	}
	for _, action := range s.Action {
		if err := checkAction(action); err != nil {
			return err
		}
		for _, resource := range s.Resource {
			if err := checkResource(resource); err != nil {
				return err
			}
			r := &rule{policy: policy, action: action, resource: resource, lowerAction: strings.ToLower(action)}
			switch s.Effect {
			case "Allow":
				p.allow = append(p.allow, r)
			case "Deny":
				p.deny = append(p.deny, r)
			default:
				return fmt.Errorf("effect %q is neither Allow nor Deny", s.Effect)
			}
		}
	}
	return nil
}

// checkAction refuses an action that no request can need. AWS accepts such a policy
// and does not warn.
func checkAction(action string) error {
	if action == "*" {
		return nil
	}
	service, _, ok := strings.Cut(action, ":")
	if !ok || service == "" {
		return fmt.Errorf("%q is not an action", action)
	}
	service = strings.ToLower(service)
	if service != dynamoDB && service != secretsManager {
		return nil
	}
	for _, known := range knownActions {
		if matches(strings.ToLower(action), known) {
			return nil
		}
	}
	return fmt.Errorf("the local IAM knows no action %s", action)
}

func checkResource(resource string) error {
	if strings.Contains(resource, "${") {
		return fmt.Errorf("the local IAM does not understand the policy variable in %s", resource)
	}
	if resource != "*" && (!strings.HasPrefix(resource, "arn:") || strings.Count(resource, ":") < 5) {
		return fmt.Errorf("%q is not an ARN", resource)
	}
	return nil
}

// Decide evaluates an action, such as "dynamodb:GetItem", on the ARN of a resource.
// A deny takes precedence over every allow. The grants that allow the action count
// as used.
func (p *Permissions) Decide(action, resource string) Decision {
	action = strings.ToLower(action)
	for _, r := range p.deny {
		if r.matches(action, resource) {
			return Denied
		}
	}
	decision := NotAllowed
	for _, r := range p.allow {
		if r.matches(action, resource) {
			r.used.Store(true)
			decision = Allowed
		}
	}
	return decision
}

// matches reports whether text matches an IAM pattern. In a pattern * matches any
// characters, and ? matches one.
func matches(pattern, text string) bool {
	// star is the position of the last *, and resume that of the text after the
	// characters that it matches.
	p, t, star, resume := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
