package iam

import (
	"cmp"
	"slices"
	"strings"
)

// Report is what the calls so far show about the roles.
type Report struct {
	// Refused are the refused calls. A permission is missing, or the call should
	// not have been made.
	Refused []Refused
	// Unused are the grants that no call needed. A permission can be removed, or
	// no test runs the code that needs it.
	Unused []Grant
	// Excused are grants that no call can use in the local stack.
	Excused []Grant
}

// Refusal is a kind of refused call.
type Refusal struct {
	// Function is empty when the credentials belong to no function.
	Function string
	Action   string
	Resource string
	// Reason is the message of the answer.
	Reason string
}

// Refused is a kind of refused call, with the number of such calls.
type Refused struct {
	Refusal
	Times int
}

// Grant is one action on one resource that a policy of the role of a function
// allows, as the policy spells them.
type Grant struct {
	Function string
	Role     string
	Policy   string
	Action   string
	Resource string
	// Reason tells why no call can use an excused grant.
	Reason string
}

// excuses are the services that Lambda itself calls with the role of a function.
var excuses = map[string]string{
	"logs": "a function writes its log to standard output, and Lambda carries it to CloudWatch under this grant",
	"xray": "Lambda's own daemon sends the traces of a function under this grant",
}

// maxRefusals limits the memory that unauthenticated requests can use.
const maxRefusals = 1000

func (w *Wall) note(r Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.refusals[r]; known || len(w.refusals) < maxRefusals {
		w.refusals[r]++
	}
}

// Report returns the report so far, sorted by function, action and resource.
func (w *Wall) Report() Report {
	var report Report
	for _, c := range w.callers() {
		for _, r := range c.permissions.allow {
			if r.used.Load() {
				continue
			}
			g := Grant{Function: c.name, Role: c.role, Policy: r.policy, Action: r.action, Resource: r.resource}
			service, _, _ := strings.Cut(r.lowerAction, ":")
			if g.Reason = excuses[service]; g.Reason != "" {
				report.Excused = append(report.Excused, g)
				continue
			}
			report.Unused = append(report.Unused, g)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for r, times := range w.refusals {
		report.Refused = append(report.Refused, Refused{Refusal: r, Times: times})
	}
	slices.SortFunc(report.Refused, func(a, b Refused) int {
		return cmp.Or(
			cmp.Compare(a.Function, b.Function), cmp.Compare(a.Action, b.Action),
			cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Reason, b.Reason),
		)
	})
	return report
}
