package iam

import (
	"cmp"
	"slices"
	"strings"
)

// Report is what a run has shown about the roles.
type Report struct {
	// Refused are the refused calls: permissions that are missing, or
	// somebody who should not have called.
	Refused []Refused
	// Unused are the grants that no call has needed: permissions that can
	// go, or code that no test runs.
	Unused []Grant
	// Excused are grants that no call can use locally, with the reason.
	Excused []Grant
}

// Refusal is a kind of refused call.
type Refusal struct {
	// Function is empty when the credentials named none.
	Function string
	Action   string
	Resource string
	// Reason is the message that the caller got.
	Reason string
}

// Refused is a kind of refused call and how often it came.
type Refused struct {
	Refusal
	Times int
}

// Grant is one action on one resource that the role of a function allows, as
// its policy spells them.
type Grant struct {
	Function string
	Role     string
	Policy   string
	Action   string
	Resource string
	// Reason says why an excused grant cannot be used here.
	Reason string
}

// excuses are the services that a function uses without a call of its own.
var excuses = map[string]string{
	"logs": "a function writes its log to standard output, and Lambda carries it to CloudWatch under this grant",
	"xray": "Lambda's own daemon sends the traces of a function under this grant",
}

// maxRefusals bounds the memory that a stranger's noise can take.
const maxRefusals = 1000

func (w *Wall) note(r Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.refusals[r]; known || len(w.refusals) < maxRefusals {
		w.refusals[r]++
	}
}

// Report is the report so far, sorted by function, action and resource.
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
